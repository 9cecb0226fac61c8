import type { DigestWindow } from './digest.ts';

/** How often a user wants to hear of a category: of each event, or of all together once an hour, a day or a week. */
export const FREQUENCIES = ['every', 'hourly', 'daily', 'weekly'] as const;
export type FrequencyName = (typeof FREQUENCIES)[number];

/** What one user chose for a category that lets users choose. */
export interface Frequency {
  frequency: FrequencyName;
  /** `HH:MM` on the user's clock, of daily and weekly ones; 09:00 when he does not say. */
  at: string | null;
  /** Of weekly ones: 1 is Monday, which it is when he does not say. */
  day: number | null;
}

const MORNING = '09:00';
const MONDAY = 1;

/** How long is collected for somebody who chose this; null when nothing is. Pure. */
export function windowFor({ frequency, at, day }: Frequency): DigestWindow | null {
  switch (frequency) {
    case 'every':
      return null;
    case 'hourly':
      return { everySeconds: 3_600 };
    case 'daily':
      return { at: at ?? MORNING };
    case 'weekly':
      return { at: at ?? MORNING, days: [day ?? MONDAY] };
  }
}
