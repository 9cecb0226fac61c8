import type { FieldProblem } from '../http/index.ts';
import { htmlToText } from '../lib/html-text.ts';
import { pointerStep, unstorable } from '../lib/text.ts';
import type { Channel, Content } from '../providers/contract.ts';
import { FIELDS, type Kind, type LocaleContent, missingText } from './definition.ts';
import { addPreheader } from './email-layout.ts';
import { checkFragments, putIntoLayout } from './fragments.ts';
import { checkHtmlSource } from './html-source.ts';
import { type FragmentTexts, parseText, type Scope } from './liquid.ts';
import { checkHtmlLinks, checkImageUrl, checkUrl } from './url.ts';

/** One channel in one locale, ready to render. */
export interface CompiledContent {
  /** What is wrong with the source; a template with problems is never stored. Fields are relative to the source. */
  problems: FieldProblem[];
  /** A problem begins with the field it is about. */
  render(scope: Scope): { content: Content } | { problem: string };
}

/** Renders one value; what cannot be sent is reported to `refuse` as a field and the rule it breaks. */
type Render = (scope: Scope, refuse: Refuse) => unknown;
type Refuse = (field: string, rule: string) => void;
type TextKind = Exclude<
  Kind,
  'actions' | 'data' | 'fields' | 'fragment' | 'mjml' | 'platforms' | 'vendorTemplates'
>;

/** Where a source stands, whom to tell what is wrong with it, and what it may put in. */
interface Place {
  at: string;
  report: Refuse;
  fragments: FragmentTexts;
}

const MAX_LINE_LENGTH = 2_000;

export function compileContent(
  channel: Channel,
  written: LocaleContent,
  fragments: FragmentTexts = {},
): CompiledContent {
  const problems: FieldProblem[] = [];
  const report: Refuse = (field, rule) => problems.push({ field, rule });
  const source = putIntoLayout(written, fragments, report);
  const fields = Object.entries(FIELDS[channel]).flatMap(([name, kind]): [string, Render][] => {
    const value = source[name as keyof LocaleContent];
    return value === undefined
      ? []
      : [[name, compileField(kind, value, { at: `/${name}`, report, fragments })]];
  });
  return { problems, render: (scope) => renderContent(channel, fields, scope) };
}

function renderContent(
  channel: Channel,
  fields: [string, Render][],
  scope: Scope,
): { content: Content } | { problem: string } {
  let problem: string | undefined;
  const refuse: Refuse = (field, rule) => {
    problem ??= `${field} ${rule}`;
  };
  const rendered: Record<string, unknown> = {};
  for (const [name, render] of fields) {
    const value = render(scope, refuse);
    if (problem) return { problem };
    if (value !== undefined) rendered[name] = value;
  }
  const { preheader, ...content } = rendered as Content & { preheader?: string };
  if (content.html && content.text === undefined) content.text = htmlToText(content.html);
  if (preheader && content.html) content.html = addPreheader(content.html, preheader);
  const refused = unstorable(content);
  if (refused) return { problem: `${refused.path} ${refused.why}` };
  const missing = missingText(channel, content);
  return missing ? { problem: `: ${missing} is empty` } : { content };
}

function compileField(kind: Kind, value: unknown, place: Place): Render {
  switch (kind) {
    case 'actions':
      return compileActions(value as NonNullable<LocaleContent['actions']>, place);
    case 'data':
    case 'vendorTemplates':
      return compileTree(value, place);
    case 'fields':
      return compileFields(value as NonNullable<LocaleContent['fields']>, place);
    case 'platforms':
    case 'mjml':
    case 'fragment':
      return () => undefined;
    default:
      return typeof value === 'string' ? compileText(kind, value, place) : () => value;
  }
}

function compileText(kind: TextKind, source: string, { at, report, fragments }: Place): Render {
  const outcome = parseText(source, kind === 'html' ? 'html' : 'plain', fragments);
  if ('problem' in outcome) {
    report(at, outcome.problem);
    return () => undefined;
  }
  const complaint = kind === 'html' ? (checkHtmlSource(source) ?? checkFragments(source, fragments)) : null;
  if (complaint) report(at, complaint);
  return (scope, refuse) => {
    const result = outcome.parsed.render(scope);
    if ('text' in result) return finish(kind, result.text, (rule) => refuse(at, rule));
    refuse(at, result.problem);
  };
}

/** The last step of a rendered text: what its kind allows. */
function finish(kind: TextKind, text: string, refuse: (rule: string) => void): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'line': {
      const line = toLine(text);
      if (line.length > MAX_LINE_LENGTH) refuse(`is longer than ${MAX_LINE_LENGTH} characters`);
      return line;
    }
    case 'html': {
      const complaint = checkHtmlLinks(text);
      if (complaint) refuse(complaint);
      return text;
    }
    case 'url':
    case 'image': {
      const url = text.trim();
      if (url === '') return undefined;
      const complaint = kind === 'url' ? checkUrl(url) : checkImageUrl(url);
      if (complaint) refuse(complaint);
      return url;
    }
    case 'number':
      if (text.trim() === '') return undefined;
      if (!/^\s*\d{1,9}\s*$/.test(text)) refuse('must be a whole number, 0 or more');
      return Number(text);
  }
}

function compileActions(actions: NonNullable<LocaleContent['actions']>, place: Place): Render {
  const compiled = actions.map(({ id, title, url }, i) => ({
    id,
    title: compileText('line', title, { ...place, at: `${place.at}/${i}/title` }),
    url: url === undefined ? undefined : compileText('url', url, { ...place, at: `${place.at}/${i}/url` }),
  }));
  return (scope, refuse) =>
    compiled.map(({ id, title, url }) => {
      const target = url?.(scope, refuse);
      return { id, title: title(scope, refuse), ...(target === undefined ? {} : { url: target }) };
    });
}

function compileFields(fields: NonNullable<LocaleContent['fields']>, place: Place): Render {
  const compiled = fields.map(({ title, value }, i) => ({
    title: compileText('line', title, { ...place, at: `${place.at}/${i}/title` }),
    value: compileText('text', value, { ...place, at: `${place.at}/${i}/value` }),
  }));
  return (scope, refuse) =>
    compiled.map(({ title, value }) => ({ title: title(scope, refuse), value: value(scope, refuse) }));
}

/** The app's own values: every text in them, however deep, is Liquid; keys, numbers and the rest stay as written. */
function compileTree(value: unknown, place: Place): Render {
  if (typeof value === 'string') return compileText('text', value, place);
  if (typeof value !== 'object' || value === null) return () => value;
  const inside = (key: string): Place => ({ ...place, at: `${place.at}/${pointerStep(key)}` });
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compileTree(item, inside(String(i))));
    return (scope, refuse) => items.map((render) => render(scope, refuse));
  }
  const members = Object.entries(value).map(([key, inner]): [string, Render] => [
    key,
    compileTree(inner, inside(key)),
  ]);
  return (scope, refuse) => Object.fromEntries(members.map(([key, render]) => [key, render(scope, refuse)]));
}

/** A text on one line: a line break in a subject would start a new header. */
export function toLine(text: string): string {
  return text.replace(/[\r\n\v\f\u0085\u2028\u2029]+/g, ' ').trim();
}
