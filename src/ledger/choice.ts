/** Why a connection that stood in front was not taken. */
export type LeftOutReason = 'breaker_open' | 'recovering' | 'country_not_served' | 'degraded';

export interface LeftOut {
  connection: string;
  why: LeftOutReason;
}

/** A move to another connection after an attempt. */
export interface Move {
  from: string;
  to: string;
  /** The reason of the attempt, or `breaker_open` when it waited at a connection that broke. */
  why: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * Why a delivery travels over its connection: kept with the delivery when anything but priority and weight decided.
 */
export interface Choice {
  /** Connections that routing passed over. */
  leftOut?: LeftOut[];
  /** True when all connections were in trouble, so that the first of them was taken all the same. */
  noneHealthy?: true;
  /** The last moves. */
  moves?: Move[];
  /** Connections that were tried in this round; none of them is moved to before the next one. */
  tried?: string[];
  /** Retries used up when it came to its present connection. */
  retriesBefore?: number;
  /** An attempt's outcome was never known: only the same connection may send it again. */
  pinned?: true;
  /** It went out within quiet hours: it was urgent, and its category lets that pass. */
  passedQuietHours?: true;
  /** The step of its notification's ladder that it belongs to, from 0. */
  step?: number;
}

/** What remains of a choice when no connection is chosen. */
export function stepOnly(choice: Choice | null): Choice | null {
  return choice?.step === undefined ? null : { step: choice.step };
}

const WORDS: Record<LeftOutReason, string> = {
  breaker_open: 'did not work',
  recovering: 'was only coming back',
  country_not_served: 'does not serve the country of the recipient',
  degraded: 'had more trouble than the others',
};

/** The choice in one sentence for people. */
export function explainChoice(choice: Choice | null, connection: string): string {
  const sentences: string[] = [];
  const leftOut = choice?.leftOut ?? [];
  if (leftOut.length > 0)
    sentences.push(
      `Passed over ${leftOut.map(({ connection, why }) => `${connection}, which ${WORDS[why]}`).join('; ')}.`,
    );
  if (choice?.noneHealthy) sentences.push('No connection was healthy, so the first was taken all the same.');
  for (const { from, to, why } of choice?.moves ?? []) sentences.push(`Moved from ${from} to ${to}: ${why}.`);
  if (choice?.passedQuietHours)
    sentences.push('It is urgent, so it did not wait for the end of quiet hours.');
  if (choice?.pinned)
    sentences.push('An attempt ended unknown, so only the same connection may send it again.');
  return sentences.length > 0
    ? sentences.join(' ')
    : `${connection} comes first by priority and weight, and nothing was passed over.`;
}

/** What the API shows of a choice; undefined when only priority and weight decided. */
export function renderChoice(choice: Choice | null): object | undefined {
  if (!choice || Object.keys(choice).every((key) => key === 'step')) return undefined;
  return {
    leftOut: choice.leftOut,
    noneHealthy: choice.noneHealthy,
    passedQuietHours: choice.passedQuietHours,
    pinned: choice.pinned,
    moves: choice.moves?.map((move) => ({ ...move, at: new Date(move.at).toISOString() })),
  };
}
