import type { Channel } from '../providers/index.ts';
import type { Category } from './category.ts';

/** What a user said: yes, no, or a yes that is not confirmed yet. */
export const CHOICES = ['in', 'out', 'pending'] as const;
export type Choice = (typeof CHOICES)[number];

/** Stands for all categories, or for all channels. */
export const ALL = '*';

/** What one user said about a category on a channel; `*` for all of them. */
export interface Preference {
  category: string;
  channel: Channel | typeof ALL;
  choice: Choice;
}

/** Why a user does not get a category on a channel. */
export type Refusal = 'opted_out' | 'not_opted_in' | 'off_by_default';

/**
 * Whether a user wants a category on a channel; null when he does, or may not refuse. What he said of exactly this counts
 * most, then of the whole category, then of the channel, then of everything; what he said nothing of is as the category
 * says. A yes that is not confirmed is as if nothing was said: else it would overrule a no. Pure.
 */
export function refusalOf(
  category: Pick<Category, 'id' | 'optOut' | 'doubleOptIn' | 'isOn'>,
  channel: Channel,
  preferences: readonly Preference[],
): Refusal | null {
  const said = closest(category.id, channel, preferences);
  if (category.doubleOptIn) return said === 'in' ? null : said === 'out' ? 'opted_out' : 'not_opted_in';
  if (said === 'out' && category.optOut) return 'opted_out';
  if (said === 'in') return null;
  return category.isOn(channel) ? null : 'off_by_default';
}

function closest(category: string, channel: Channel, preferences: readonly Preference[]): Choice | null {
  let best: Choice | null = null;
  let closeness = -1;
  for (const preference of preferences) {
    const fits =
      preference.choice !== 'pending' &&
      (preference.category === category || preference.category === ALL) &&
      (preference.channel === channel || preference.channel === ALL);
    if (!fits) continue;
    const found = (preference.category === category ? 2 : 0) + (preference.channel === channel ? 1 : 0);
    if (found > closeness) {
      best = preference.choice;
      closeness = found;
    }
  }
  return best;
}
