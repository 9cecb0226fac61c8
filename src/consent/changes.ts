import {
  ALL,
  type Category,
  type Frequency,
  type FrequencyChange,
  type FrequencyName,
  type Preference,
  type PreferenceChange,
} from '../rules/index.ts';

/** What a user says on a page: whether he wants something, or how often. */
export type Change = PreferenceChange | FrequencyChange;

export function isPreference(change: Change): change is PreferenceChange {
  return 'channel' in change;
}

export function isFrequency(change: Change): change is FrequencyChange {
  return 'frequency' in change;
}

/** What a user said before. */
export interface Said {
  preferences: readonly Preference[];
  frequencies: readonly ChosenFrequency[];
}
export type ChosenFrequency = Frequency & { category: string };

/** What takes changes back: what was said before of the same things, or nothing. Pure. */
export function undoOf(changes: readonly Change[], { preferences, frequencies }: Said): Change[] {
  return changes.map((change) => {
    const { category } = change;
    if (isFrequency(change))
      return { category, frequency: frequencies.find((each) => each.category === category) ?? null };
    const { channel } = change;
    const said = preferences.find((each) => each.category === category && each.channel === channel);
    return { category, channel, choice: said?.choice ?? null };
  });
}

/**
 * A no to everything. A yes to one thing counts more than a no to all, so each yes becomes a no as well. Pure.
 */
export function refuseEverything(said: readonly Preference[]): PreferenceChange[] {
  const everything: PreferenceChange = { category: ALL, channel: ALL, choice: 'out' };
  const others = said.filter(({ category, channel }) => category !== ALL || channel !== ALL);
  const meant = others.filter(({ choice }) => choice !== 'out');
  return [
    everything,
    ...meant.map(({ category, channel }) => ({ category, channel, choice: 'out' as const })),
  ];
}

const NOTHING = '-';
/** Stands where a preference has its channel. */
const OFTEN = '~';

/** As the detail of a token. */
export function writeChanges(changes: readonly Change[]): string {
  return changes
    .map((change) => {
      const { category } = change;
      if (isPreference(change)) return [category, change.channel, change.choice ?? NOTHING];
      const { frequency, at, day } = change.frequency ?? { frequency: NOTHING, at: null, day: null };
      return [category, OFTEN, frequency, at ?? NOTHING, day ?? NOTHING];
    })
    .map((parts) => parts.join('/'))
    .join(',');
}

/** Reads what `writeChanges` wrote; it was signed, so it is as we wrote it. */
export function readChanges(detail: string): Change[] {
  return detail.split(',').map((text): Change => {
    const [category, about, said, at, day] = text.split('/') as [string, string, string, string?, string?];
    const word = said === NOTHING ? null : said;
    if (about !== OFTEN)
      return {
        category,
        channel: about as PreferenceChange['channel'],
        choice: word as PreferenceChange['choice'],
      };
    if (word === null) return { category, frequency: null };
    return {
      category,
      frequency: {
        frequency: word as FrequencyName,
        at: at === NOTHING ? null : at!,
        day: day === NOTHING ? null : Number(day),
      },
    };
  });
}

/** Users have a say in it: they may refuse it, or must have asked for it. */
export function isChoosable({ optOut, doubleOptIn }: Pick<Category, 'optOut' | 'doubleOptIn'>): boolean {
  return optOut || doubleOptIn;
}
