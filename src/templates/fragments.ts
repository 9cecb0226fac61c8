import { CHANNELS } from '../providers/contract.ts';
import type { Definition, LocaleContent, PinnedFragment } from './definition.ts';
import { checkHtmlSource } from './html-source.ts';
import type { FragmentTexts } from './liquid.ts';

export const MAX_FRAGMENTS = 50;
/** A fragment in a fragment in a fragment … */
const MAX_FRAGMENT_DEPTH = 5;

/** Finds the fragments with these ids; those that do not exist are not in the answer. */
export type LookUpFragments = (ids: string[]) => Promise<{ id: string; version: number; text: string }[]>;

const CONTENT = /\{\{-?\s*content\s*-?\}\}/g;

export function textsOf(pinned: Record<string, PinnedFragment> = {}): FragmentTexts {
  return Object.fromEntries(Object.entries(pinned).map(([id, { text }]) => [id, text]));
}

/** The ids of the fragments that a text puts in, each once. In linear time: it runs before anything is checked. */
export function namesIn(source: string): string[] {
  const tags = source.split('{%').slice(1);
  return [...new Set(tags.flatMap((tag) => rendersIn(tag.split('%}', 1)[0]!)))];
}

function rendersIn(tag: string): string[] {
  const renders = tag.matchAll(/\brender\s+(?:"([^"]*)"|'([^']*)')/g);
  return [...renders].map(([, double, single]) => double ?? single ?? '');
}

/**
 * The fragments of a definition and those in them, as they are now. A problem names a ring, or what there is too much
 * of; a fragment that is missing is no problem here but one of the text that names it.
 */
export async function pinFragments(
  definition: Definition,
  lookUp: LookUpFragments,
): Promise<{ fragments: Record<string, PinnedFragment> } | { problem: string }> {
  const fragments: Record<string, PinnedFragment> = Object.create(null);
  let wanted = namesOf(definition);
  for (let depth = 0; wanted.length > 0; depth++) {
    if (depth === MAX_FRAGMENT_DEPTH) {
      return {
        problem: `must not nest fragments deeper than ${MAX_FRAGMENT_DEPTH}, or in a ring ("${wanted[0]}")`,
      };
    }
    const found = await lookUp(wanted);
    for (const { id, version, text } of found) fragments[id] = { version, text };
    if (Object.keys(fragments).length > MAX_FRAGMENTS) {
      return { problem: `must not use more than ${MAX_FRAGMENTS} fragments` };
    }
    wanted = [...new Set(found.flatMap(({ text }) => namesIn(text)))];
  }
  return { fragments: { ...fragments } };
}

function namesOf({ channels }: Definition): string[] {
  const names = new Set<string>();
  for (const channel of CHANNELS) {
    for (const content of Object.values(channels[channel] ?? {})) {
      if (content.layout !== undefined) names.add(content.layout);
      for (const text of textsIn(content)) for (const name of namesIn(text)) names.add(name);
    }
  }
  return [...names];
}

/** Every text in a value, however deep. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The HTML of an e-mail inside its layout. What is wrong is reported, and the HTML stays as it is. */
export function putIntoLayout(
  source: LocaleContent,
  fragments: FragmentTexts,
  report: (field: string, rule: string) => void,
): LocaleContent {
  const { layout, html } = source;
  // MJML was put into its layout before it became HTML.
  if (layout === undefined || source.mjml !== undefined) return source;
  const text = Object.hasOwn(fragments, layout) ? fragments[layout]! : null;
  if (text === null) report('/layout', `names no fragment ("${layout}")`);
  else if (html === undefined) report('/layout', 'is for html');
  else if (!text.match(CONTENT)) report('/layout', `names a fragment without {{ content }} ("${layout}")`);
  else return { ...source, html: text.replace(CONTENT, () => html) };
  return source;
}

/** Why the fragments that an HTML source puts in must not stand in HTML, or null. */
export function checkFragments(source: string, fragments: FragmentTexts): string | null {
  const seen = new Set<string>();
  const waiting = namesIn(source);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id) || !Object.hasOwn(fragments, id)) continue;
    seen.add(id);
    const complaint = checkHtmlSource(fragments[id]!, { isWhole: false });
    if (complaint) return `puts in the fragment "${id}", which ${complaint}`;
    waiting.push(...namesIn(fragments[id]!));
  }
  return null;
}
