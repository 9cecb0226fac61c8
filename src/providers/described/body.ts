import { escapeHtml } from '../../lib/text.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import type { Lookup } from './expression.ts';
import { toText } from './filters.ts';
import type { Reader } from './reader.ts';
import { compileTemplate, renderText, renderValue, type Template } from './template.ts';

/** A JSON value whose texts are templates: what they give can fill a place and never make one. */
export type Tree =
  | { kind: 'leaf'; template: Template }
  | { kind: 'constant'; value: unknown }
  | { kind: 'list'; items: Tree[] }
  | { kind: 'object'; entries: [name: string, tree: Tree][] };

/** Of a query or a form: a name and what it holds, once or several times. */
export type Pairs = [name: string, templates: Template[]][];

export type Body =
  | { kind: 'json'; tree: Tree }
  | { kind: 'form'; pairs: Pairs }
  | { kind: 'xml' | 'text'; template: Template };

export const BODY_KINDS = ['json', 'form', 'xml', 'text'] as const;
export const CONTENT_TYPES: Record<Body['kind'], string> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  xml: 'application/xml; charset=utf-8',
  text: 'text/plain; charset=utf-8',
};
const DEEPEST = 20;
const MOST_ENTRIES = 200;

export function compileBody(kind: Body['kind'], value: unknown, reader: Reader): Body {
  if (kind === 'json') return { kind, tree: compileTree(value, reader) };
  if (kind === 'form') return { kind, pairs: compilePairs(value, reader) };
  return { kind, template: compileTemplate(reader.text(value) ?? '', reader) };
}

export function compilePairs(value: unknown, reader: Reader): Pairs {
  return Object.entries(reader.object(value) ?? {}).map(([name, given]) => {
    const place = reader.at(name);
    const texts = Array.isArray(given) ? place.list(given, MOST_ENTRIES) : [given];
    return [name, texts.map((text) => compileTemplate(place.text(text) ?? '', place))];
  });
}

function compileTree(value: unknown, reader: Reader, depth = 0): Tree {
  if (depth > DEEPEST) reader.refuse(`is at most ${DEEPEST} levels deep`);
  if (depth > DEEPEST || typeof value !== 'object' || value === null)
    return typeof value === 'string'
      ? { kind: 'leaf', template: compileTemplate(value, reader) }
      : { kind: 'constant', value };
  if (Array.isArray(value)) {
    const items = reader
      .list(value, MOST_ENTRIES)
      .map((item, i) => compileTree(item, reader.at(i), depth + 1));
    return { kind: 'list', items };
  }
  const entries = Object.entries(value).map(([name, inner]): [string, Tree] => [
    name,
    compileTree(inner, reader.at(name), depth + 1),
  ]);
  return { kind: 'object', entries };
}

/** Whether a secret may be in it. */
export function isSecretBody(body: Body): boolean {
  if (body.kind === 'json') return isSecretTree(body.tree);
  return body.kind === 'form' ? isSecretPairs(body.pairs) : body.template.isSecret;
}

export function isSecretPairs(pairs: Pairs): boolean {
  return pairs.some(([, templates]) => templates.some((template) => template.isSecret));
}

function isSecretTree(tree: Tree): boolean {
  if (tree.kind === 'list') return tree.items.some(isSecretTree);
  if (tree.kind === 'object') return tree.entries.some(([, inner]) => isSecretTree(inner));
  return tree.kind === 'leaf' && tree.template.isSecret;
}

/** The body as it is sent, with the message's own additions in JSON and in forms. */
export function renderBody(
  body: Body,
  lookup: Lookup,
  passthrough: Record<string, unknown> | undefined,
): string {
  if ('template' in body)
    return renderText(body.template, lookup, body.kind === 'xml' ? escapeHtml : undefined);
  if (body.kind === 'form') {
    const form = renderPairs(body.pairs, lookup);
    for (const [name, value] of Object.entries(passthrough ?? {})) {
      form.delete(name);
      for (const one of [value].flat()) form.append(name, toText(one));
    }
    return form.toString();
  }
  const value = renderTree(body.tree, lookup);
  return JSON.stringify(isObject(value) ? mergePassthrough(value, passthrough) : (value ?? null));
}

/** What is undefined is left out; a list repeats its name. */
export function renderPairs(pairs: Pairs, lookup: Lookup): URLSearchParams {
  const rendered = new URLSearchParams();
  for (const [name, templates] of pairs) {
    const values = templates.flatMap((template) => renderValue(template, lookup));
    for (const value of values) if (value !== undefined) rendered.append(name, toText(value));
  }
  return rendered;
}

function renderTree(tree: Tree, lookup: Lookup): unknown {
  switch (tree.kind) {
    case 'leaf':
      return renderValue(tree.template, lookup);
    case 'constant':
      return tree.value;
    case 'list':
      return tree.items.map((item) => renderTree(item, lookup)).filter((value) => value !== undefined);
    case 'object': {
      const entries = tree.entries.map(([name, inner]) => [name, renderTree(inner, lookup)]);
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
