import type { Channel } from '../providers/index.ts';
import { ALL, type Category, type Preference, type PreferenceChange, refusalOf } from '../rules/index.ts';
import { isChoosable } from './changes.ts';

/** Why a user cannot choose: nothing reaches him there, or his yes needs a confirmation by another road. */
export const LOCKS = ['unconfirmed', 'unreachable'] as const;
export type Lock = (typeof LOCKS)[number];

export interface Cell {
  channel: Channel;
  isOn: boolean;
  lock: Lock | null;
}

/** What the page shows: what the user may choose, by category and channel, and what comes in any case. */
export interface Board {
  sections: { category: Category; cells: Cell[] }[];
  always: Category[];
  /** He said no to everything, and nothing is on. */
  isAllOff: boolean;
}

export interface BoardInput {
  categories: readonly Category[];
  /** Channels on which the user can be reached, and those whose address is dead. */
  channels: readonly { channel: Channel; isDead: boolean }[];
  preferences: readonly Preference[];
  /** The channel by which the page's link came: who holds it has shown that he is reached there. */
  proven: Channel | null;
}

/** Pure. */
export function buildBoard({ categories, channels, preferences, proven }: BoardInput): Board {
  const sections = categories.filter(isChoosable).map((category) => ({
    category,
    cells: channels.map(({ channel, isDead }) => {
      const isOn = refusalOf(category, channel, preferences) === null;
      const unconfirmed = category.doubleOptIn && !isOn && channel !== proven;
      const lock: Lock | null = isDead ? 'unreachable' : unconfirmed ? 'unconfirmed' : null;
      return { channel, isOn, lock };
    }),
  }));
  const saidNo = preferences.some(
    ({ category, channel, choice }) => category === ALL && channel === ALL && choice === 'out',
  );
  return {
    sections,
    always: categories.filter((category) => !isChoosable(category)),
    isAllOff: saidNo && sections.every(({ cells }) => cells.every(({ isOn }) => !isOn)),
  };
}

/** How a form names a cell. */
export function cellName(category: Category, { channel }: Pick<Cell, 'channel'>): string {
  return `${category.id}/${channel}`;
}

/**
 * What a form that was sent in changes. Only cells that it showed count, since a category may have come up meanwhile;
 * what is as it was is not written down, so that it follows the category. Pure.
 */
export function changesOf(
  { sections }: Board,
  form: { shown: ReadonlySet<string>; on: ReadonlySet<string> },
): PreferenceChange[] {
  return sections.flatMap(({ category, cells }) =>
    cells
      .filter((cell) => cell.lock === null && form.shown.has(cellName(category, cell)))
      .map((cell) => ({ cell, wanted: form.on.has(cellName(category, cell)) }))
      .filter(({ cell, wanted }) => cell.isOn !== wanted)
      .map(({ cell, wanted }) => ({
        category: category.id,
        channel: cell.channel,
        choice: wanted ? ('in' as const) : ('out' as const),
      })),
  );
}
