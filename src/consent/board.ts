import type { Channel } from '../providers/index.ts';
import { ALL, type Category, FREQUENCIES, type FrequencyName, refusalOf } from '../rules/index.ts';
import { type Change, isChoosable, type Said } from './changes.ts';

/** Why a user cannot choose: nothing reaches him there, or his yes needs a confirmation by another road. */
export const LOCKS = ['unconfirmed', 'unreachable'] as const;
export type Lock = (typeof LOCKS)[number];

export interface Cell {
  channel: Channel;
  isOn: boolean;
  lock: Lock | null;
}

/** How often something comes; `usual` is what its category says, for who has not chosen. */
export type Rhythm = FrequencyName | 'usual';

export interface Often {
  options: readonly Rhythm[];
  chosen: Rhythm;
}

export interface Section {
  category: Category;
  /** None when it comes in any case. */
  cells: Cell[];
  /** Null when the user has no say in it. */
  often: Often | null;
}

/** What the page shows: what the user may choose, by category and channel, and what comes in any case. */
export interface Board {
  sections: Section[];
  always: Category[];
  /** He said no to everything, and nothing is on. */
  isAllOff: boolean;
}

export interface BoardInput extends Said {
  categories: readonly Category[];
  /** Channels on which the user can be reached, and those whose address is dead. */
  channels: readonly { channel: Channel; isDead: boolean }[];
  /** The channel by which the page's link came: who holds it has shown that he is reached there. */
  proven: Channel | null;
}

/** Pure. */
export function buildBoard({ categories, channels, preferences, frequencies, proven }: BoardInput): Board {
  const all = categories.map((category) => ({
    category,
    often: oftenOf(category, frequencies),
    cells: (isChoosable(category) ? channels : []).map(({ channel, isDead }) => {
      const isOn = refusalOf(category, channel, preferences) === null;
      const unconfirmed = category.doubleOptIn && !isOn && channel !== proven;
      const lock: Lock | null = isDead ? 'unreachable' : unconfirmed ? 'unconfirmed' : null;
      return { channel, isOn, lock };
    }),
  }));
  const sections = all.filter(({ category, often }) => isChoosable(category) || often !== null);
  const saidNo = preferences.some(
    ({ category, channel, choice }) => category === ALL && channel === ALL && choice === 'out',
  );
  return {
    sections,
    always: categories.filter((category) => !isChoosable(category)),
    isAllOff: saidNo && sections.every(({ cells }) => cells.every(({ isOn }) => !isOn)),
  };
}

/** Nothing of security is ever collected, whatever its category says. */
function oftenOf({ id, kind, digest }: Category, frequencies: Said['frequencies']): Often | null {
  if (!digest?.usersChoose || kind === 'security') return null;
  const chosen = frequencies.find(({ category }) => category === id)?.frequency;
  return digest.window
    ? { options: ['usual', ...FREQUENCIES], chosen: chosen ?? 'usual' }
    : { options: FREQUENCIES, chosen: chosen ?? 'every' };
}

/** How a form names a cell. */
export function cellName(category: Category, { channel }: Pick<Cell, 'channel'>): string {
  return `${category.id}/${channel}`;
}

/** A form that was sent in: the cells that it showed, those that are on, and how often by category. */
export interface BoardForm {
  shown: ReadonlySet<string>;
  on: ReadonlySet<string>;
  often: ReadonlyMap<string, string>;
}

/**
 * What a form that was sent in changes. Only what it showed counts, since a category may have come up meanwhile; what is
 * as it was is not written down, so that it follows the category. Pure.
 */
export function changesOf({ sections }: Board, form: BoardForm): Change[] {
  return sections.flatMap((section) => [...cellChanges(section, form), ...oftenChange(section, form)]);
}

function cellChanges({ category, cells }: Section, { shown, on }: BoardForm): Change[] {
  return cells
    .filter((cell) => cell.lock === null && shown.has(cellName(category, cell)))
    .map((cell) => ({ cell, wanted: on.has(cellName(category, cell)) }))
    .filter(({ cell, wanted }) => cell.isOn !== wanted)
    .map(({ cell, wanted }) => ({
      category: category.id,
      channel: cell.channel,
      choice: wanted ? ('in' as const) : ('out' as const),
    }));
}

function oftenChange({ category: { id }, often }: Section, form: BoardForm): Change[] {
  const wanted = often?.options.find((option) => option === form.often.get(id));
  if (!often || wanted === undefined || wanted === often.chosen) return [];
  const frequency = wanted === 'usual' ? null : { frequency: wanted, at: null, day: null };
  return [{ category: id, frequency }];
}
