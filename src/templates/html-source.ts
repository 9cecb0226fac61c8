import { Tokenizer, type TopLevelToken, TypeGuards } from 'liquidjs';

type State = 'text' | 'comment' | 'tag' | '"' | "'";

// One character of the private use area stands for a value once the Liquid tags are taken out.
const VALUE = '\ue000';
// And this one for a fragment.
const FRAGMENT = '\ue001';
const MAX_NAME = 60;
const WRITING_TAGS = new Set(['echo', 'cycle', 'increment', 'decrement', 'liquid']);

/**
 * Why an HTML source must not be used, or null. Values are escaped for text and for quoted attributes; where that
 * does not suffice (scripts, handlers, a bare place inside a tag) no value may stand. A fragment stands where it was
 * checked: between elements; what is no whole mail but a fragment of one must end there, too. Call it on parsed Liquid.
 */
export function checkHtmlSource(source: string, { isWhole = true } = {}): string | null {
  const html = new Tokenizer(source).readTopLevelTokens().map(withoutLiquid).join('');
  const element = /<(script|iframe|object|embed|base)\b/i.exec(html)?.[1];
  if (element) return `must not have a <${element.toLowerCase()}> element`;
  let state: State = 'text';
  let tagStart = 0;
  for (let i = 0; i < html.length; i++) {
    const character = html[i]!;
    const before: State = state;
    state = next(state, html, i);
    if (before === 'text' && state === 'tag') tagStart = i;
    if (before !== 'text' && character === FRAGMENT) return 'must have fragments only between elements';
    if (before === 'tag' && character === VALUE) return 'must have values inside a tag only between quotes';
    if (before === 'tag' && character === '=' && isHandler(html, tagStart, i))
      return 'must not have event handlers (onclick and the like)';
  }
  return state === 'text' || isWhole ? null : 'must close each tag and comment that it opens';
}

/** Whether the attribute whose `=` stands at `end` runs a script; the name may follow a space, a quote or a slash. */
function isHandler(html: string, tagStart: number, end: number): boolean {
  while (/\s/.test(html[end - 1]!)) end--;
  const name = html.slice(Math.max(tagStart, end - MAX_NAME), end);
  return /(?:^<[a-z][a-z0-9]*\/|[\s"'])\/*on[a-z]+$/i.test(name);
}

function withoutLiquid(token: TopLevelToken): string {
  if (TypeGuards.isHTMLToken(token)) return token.getContent();
  if (!TypeGuards.isTagToken(token)) return VALUE;
  if (token.name === 'render' || (token.name === 'liquid' && /\brender\b/.test(token.args))) return FRAGMENT;
  return WRITING_TAGS.has(token.name) ? VALUE : '';
}

function next(state: State, html: string, i: number): State {
  const character = html[i]!;
  switch (state) {
    case 'text':
      if (character !== '<') return 'text';
      if (html.startsWith('<!--', i)) return 'comment';
      return /[a-z/\ue000\ue001]/i.test(html[i + 1] ?? '') ? 'tag' : 'text';
    case 'comment':
      return html.startsWith('-->', i) ? 'text' : 'comment';
    case 'tag':
      if (character === '>') return 'text';
      return character === '"' || character === "'" ? character : 'tag';
    default:
      return character === state ? 'tag' : state;
  }
}
