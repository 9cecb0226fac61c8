import { MaskedUrl, Secret } from '../../lib/secret.ts';
import type { HttpRequest, Message, RequestContext } from '../contract.ts';
import {
  BODY_KINDS,
  type Body,
  CONTENT_TYPES,
  compileBody,
  compilePairs,
  isSecretBody,
  isSecretPairs,
  type Pairs,
  renderBody,
  renderPairs,
} from './body.ts';
import type { Lookup } from './expression.ts';
import type { Reader } from './reader.ts';
import { makeLookup } from './scope.ts';
import { compileTemplate, renderText, renderValue, type Template } from './template.ts';

const METHODS = ['POST', 'PUT', 'GET', 'DELETE'] as const;
const HEADER = { regex: /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, hint: 'a name in lower case' };
/** Ours to set, or the transport's. */
const RESERVED = ['host', 'content-length', 'connection', 'transfer-encoding', 'upgrade', 'expect', 'te'];
const PATH = { regex: /^\/[^\s#?]*$/, hint: 'a path that begins with / and has no query' };

/** How a message becomes a request, as a connection describes it. */
export interface RequestDescription {
  method: HttpRequest['method'];
  path: Template;
  query: Pairs;
  headers: [name: string, template: Template][];
  body?: Body;
}

export function compileRequest(given: unknown, reader: Reader): RequestDescription {
  const raw = reader.object(given, ['method', 'path', 'query', 'headers', ...BODY_KINDS]) ?? {};
  const method = raw.method === undefined ? 'POST' : reader.at('method').oneOf(raw.method, METHODS);
  const kinds = BODY_KINDS.filter((kind) => raw[kind] !== undefined);
  const [kind, ...more] = kinds;
  if (more.length > 0) reader.refuse(`has one body at most, not ${kinds.join(' and ')}`);
  if (kind && method === 'GET') reader.at(kind).refuse('has no place in a GET');
  return {
    method: method ?? 'POST',
    path: compilePath(raw.path ?? '/', reader.at('path')),
    query: raw.query === undefined ? [] : compilePairs(raw.query, reader.at('query')),
    headers: compileHeaders(raw.headers ?? {}, reader.at('headers')),
    ...(kind && { body: compileBody(kind, raw[kind], reader.at(kind)) }),
  };
}

/** Looked at without what stands between braces: that may hold spaces. */
function compilePath(given: unknown, reader: Reader): Template {
  const path = reader.text(given) ?? '/';
  reader.text(path.replace(/\{\{[^{}]*\}\}/g, 'x'), PATH);
  return compileTemplate(path, reader);
}

function compileHeaders(given: unknown, reader: Reader): [string, Template][] {
  return Object.entries(reader.object(given) ?? {}).map(([name, value]) => {
    const place = reader.at(name);
    place.text(name, HEADER);
    if (RESERVED.includes(name)) place.refuse('is not for a description to set');
    return [name, compileTemplate(place.text(value) ?? '', place)];
  });
}

/** Pure. Whatever a secret is part of is a `Secret`, and masked where it is part of the URL. */
export function buildRequest(
  description: RequestDescription,
  message: Message,
  { baseUrl, secrets, providerId }: { baseUrl: string; secrets: Record<string, Secret>; providerId: string },
  context: RequestContext,
): HttpRequest {
  const lookup = makeLookup(message, context, secrets);
  const { method, body } = description;
  const passthrough = message.content.passthrough?.[providerId];
  const sent = body ? renderBody(body, lookup, passthrough) : '';
  return {
    method,
    url: buildUrl(description, baseUrl, lookup),
    headers: {
      ...(body && { 'content-type': CONTENT_TYPES[body.kind] }),
      ...Object.fromEntries(description.headers.flatMap((header) => buildHeader(header, lookup))),
    },
    body: body && isSecretBody(body) ? new Secret(sent) : sent,
  };
}

function buildUrl({ path, query }: RequestDescription, baseUrl: string, lookup: Lookup): MaskedUrl | string {
  const base = baseUrl.replace(/\/+$/, '');
  const rest = renderText(path, lookup, encodeSegment).split('/').map(keepInPlace).join('/');
  const search = query.length > 0 ? `?${renderPairs(query, lookup)}` : '';
  const url = `${base}${rest}${search === '?' ? '' : search}`;
  if (!path.isSecret && !isSecretPairs(query)) return url;
  return new MaskedUrl(url, `${base}/***`);
}

/** RFC 3986, 3.3: `:` and `@` may stand in a segment. A slash that a value brings along does not end it. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%3A/g, ':').replace(/%40/g, '@');
}

/** A value of two dots would be read as the way up, to another resource of the vendor's; so would `%2e%2e`. */
function keepInPlace(segment: string): string {
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll('.', '%252E') : segment;
}

/** RFC 9110, 5.5: no line breaks, which would begin a header of their own; beyond ASCII percent-encoded. */
function buildHeader([name, template]: [string, Template], lookup: Lookup): [string, string | Secret][] {
  if (renderValue(template, lookup) === undefined) return [];
  const value = renderText(template, lookup)
    .toWellFormed()
    .replace(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character))
    .trim();
  return [[name, template.isSecret ? new Secret(value) : value]];
}
