/** What a message is about decides how it may be repeated, retried and how long evidence is waited for. */
export interface Category {
  id: string;
  /** Priority when the caller gives none. */
  priority: 'high' | 'normal' | 'low';
  /**
   * What to do with an attempt whose outcome nobody can tell: `never-repeat` ends it as failed, `hold` leaves it until
   * a person settles it.
   */
  unknown: 'send-again' | 'never-repeat' | 'hold';
  /** How long a receipt may still settle an unknown attempt before the policy decides. */
  evidenceMs: number;
  /** Retries stop at this age when the caller gives no expiry. */
  maxAgeMs: number;
}

const HOUR_MS = 3_600_000;

const BUILT_IN: Category[] = [
  {
    id: 'transactional',
    priority: 'normal',
    unknown: 'send-again',
    evidenceMs: 10_000,
    maxAgeMs: 72 * HOUR_MS,
  },
  { id: 'security', priority: 'high', unknown: 'send-again', evidenceMs: 0, maxAgeMs: HOUR_MS },
  { id: 'otp', priority: 'high', unknown: 'send-again', evidenceMs: 0, maxAgeMs: 300_000 },
  { id: 'marketing', priority: 'low', unknown: 'never-repeat', evidenceMs: 10_000, maxAgeMs: 24 * HOUR_MS },
];

const BY_ID = new Map(BUILT_IN.map((category) => [category.id, category]));
export const DEFAULT_CATEGORY = 'transactional';

/** A category by its id; one that nobody declared behaves like `transactional`. */
export function categoryOf(id: string): Category {
  return BY_ID.get(id) ?? { ...BY_ID.get(DEFAULT_CATEGORY)!, id };
}
