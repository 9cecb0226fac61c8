import type { Cron } from 'croner';
import { onDemand } from '../lib/on-demand.ts';
import type { Wall } from './wall-clock.ts';

const croner = onDemand<typeof import('croner')>('croner');

const FIELDS = ['minute', 'hour', 'day of month', 'month', 'day of week'];
const ALLOWED = [
  /^[\d*,/-]+$/,
  /^[\d*,/-]+$/,
  /^[\d*,/LW-]+$/i,
  /^([\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+$/i,
  /^([\d*,/-]|#[1-5L]|sun|mon|tue|wed|thu|fri|sat)+$/i,
];

export interface CronRule {
  /** The next time that fits, on a clock without changes; null when there is none. */
  next(after: Wall): Wall | null;
  /** It names no times of the day but follows the clock (`*` or `*` with a step as minute or hour). */
  isSubDaily: boolean;
}

/**
 * A cron expression of five fields. Day of month and day of week, when both are given, are alternatives; `L`, `W` and `#`
 * are understood. Throws an Error that says what is wrong.
 */
export function parseCron(text: string): CronRule {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) throw new Error(`must have five fields (${FIELDS.join(', ')})`);
  fields.forEach((field, i) => {
    if (!ALLOWED[i]!.test(field)) throw new Error(`has a wrong ${FIELDS[i]} "${field}"`);
  });
  const cron = openCron(fields.join(' '));
  return {
    // In UTC nothing is skipped or repeated: what the clocks of a zone make of it is not left to the library.
    next: (after) => cron.nextRun(new Date(after))?.getTime() ?? null,
    isSubDaily: fields[0]!.startsWith('*') || fields[1]!.startsWith('*'),
  };
}

function openCron(text: string): Cron {
  try {
    const { Cron } = croner();
    return new Cron(text, { timezone: 'UTC' });
  } catch (cause) {
    const why = (cause as Error).message.replace(/^Cron(Pattern)?: /, '');
    throw new Error(`is no cron expression: ${why}`, { cause });
  }
}
