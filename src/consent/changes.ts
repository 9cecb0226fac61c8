import type { Category, Preference, PreferenceChange } from '../rules/index.ts';
import { ALL } from '../rules/index.ts';

/** What takes changes back: what was said before of the same categories and channels, or nothing. Pure. */
export function undoOf(changes: PreferenceChange[], before: readonly Preference[]): PreferenceChange[] {
  return changes.map(({ category, channel }) => {
    const said = before.find((each) => each.category === category && each.channel === channel);
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

/** As the detail of a token. */
export function writeChanges(changes: PreferenceChange[]): string {
  return changes
    .map(({ category, channel, choice }) => `${category}/${channel}/${choice ?? NOTHING}`)
    .join(',');
}

/** Reads what `writeChanges` wrote; it was signed, so it is as we wrote it. */
export function readChanges(detail: string): PreferenceChange[] {
  return detail.split(',').map((text) => {
    const [category, channel, choice] = text.split('/') as [string, PreferenceChange['channel'], string];
    return { category, channel, choice: choice === NOTHING ? null : (choice as PreferenceChange['choice']) };
  });
}

/** Users have a say in it: they may refuse it, or must have asked for it. */
export function isChoosable({ optOut, doubleOptIn }: Pick<Category, 'optOut' | 'doubleOptIn'>): boolean {
  return optOut || doubleOptIn;
}
