import { createPrivateKey, createPublicKey } from 'node:crypto';
import { Secret } from '../lib/secret.ts';
import { type ConfigProblem, type Field, type Fields, type Provider, SECRET_TYPES } from './contract.ts';

// biome-ignore lint/suspicious/noExplicitAny: the provider types its own configuration
export type ParsedConfig = { config: any; baseUrl?: string } | { problems: ConfigProblem[] };

/** A setting that every provider with an HTTP transport has besides its own: where its API is. */
const BASE_URL: Field = { label: 'Base URL of the API', type: 'url' };

/**
 * A connection's configuration as a provider wants it: checked field by field, with defaults, secrets wrapped.
 * Every problem is named at once; values never appear in one.
 */
export function parseConfig(provider: Provider, raw: Record<string, unknown>): ParsedConfig {
  const fields = fieldsOf(provider);
  const problems: ConfigProblem[] = Object.keys(raw)
    .filter((name) => !Object.hasOwn(fields, name))
    .map((name) => ({ path: `/${name}`, rule: 'is not a known field' }));
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const given = raw[name] ?? field.default;
    if (given === undefined || given === '') {
      if (field.required) problems.push({ path: `/${name}`, rule: 'is required' });
      continue;
    }
    const rule = brokenRule(field, given);
    if (rule) problems.push({ path: `/${name}`, rule });
    else values[name] = toValue(field, given);
  }
  if (problems.length === 0) problems.push(...(provider.check?.(values) ?? []));
  if (problems.length > 0) return { problems };
  const { baseUrl, ...config } = values;
  if ('baseUrl' in provider.fields) return { config: values };
  return baseUrl === undefined ? { config } : { config, baseUrl: (baseUrl as string).replace(/\/+$/, '') };
}

/** What may be stored as it is, and what is stored encrypted (as text). */
export function splitSecrets(
  provider: Provider,
  raw: Record<string, unknown>,
): { plain: Record<string, unknown>; secrets: Record<string, string> } {
  const fields = fieldsOf(provider);
  const plain: Record<string, unknown> = {};
  const secrets: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    const field = fields[name];
    if (field && isSecret(field)) secrets[name] = toText(value);
    // As text: the database does not keep the order of names, which is that of the request's fields.
    else plain[name] = field?.type === 'object' && isObject(value) ? toText(value) : value;
  }
  return { plain, secrets };
}

/** What is stored as it is, as it was given. */
export function showPlain(provider: Provider, stored: Record<string, unknown>): Record<string, unknown> {
  const fields = fieldsOf(provider);
  const show = (name: string, value: unknown) => (fields[name]?.type === 'object' ? parseJson(value) : value);
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, show(name, value)]));
}

function fieldsOf(provider: Provider): Fields {
  const isHttp = provider.transport === 'http' || provider.transport === 'http2';
  return isHttp && !('baseUrl' in provider.fields)
    ? { ...provider.fields, baseUrl: BASE_URL }
    : provider.fields;
}

function isSecret(field: Field): boolean {
  return (SECRET_TYPES as readonly string[]).includes(field.type);
}

/** What has a type of its own here; the rest is as it was given. */
function toValue(field: Field, given: unknown): unknown {
  if (field.type === 'secrets')
    return Object.fromEntries(
      Object.entries(parseJson(given) as object).map(([name, text]) => [name, new Secret(text)]),
    );
  if (field.type === 'object') return parseJson(given);
  return isSecret(field) ? new Secret(toText(given)) : given;
}

/** JSON may be given as an object or as its text. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function brokenRule(field: Field, value: unknown): string | null {
  const rule = brokenType(field, value);
  if (rule || !field.pattern || typeof value !== 'string') return rule;
  return new RegExp(`^(?:${field.pattern.regex})$`).test(value) ? null : `must be ${field.pattern.hint}`;
}

function brokenType(field: Field, value: unknown): string | null {
  switch (field.type) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? null : 'must be a number';
    case 'boolean':
      return typeof value === 'boolean' ? null : 'must be true or false';
    case 'json':
      return isObject(parseJson(value)) ? null : 'must be a JSON object, or its text';
    case 'object':
      return isObject(parseJson(value)) ? null : 'must be a JSON object';
    case 'secrets':
      return isMapOfTexts(parseJson(value)) ? null : 'must be a JSON object of names and texts';
    case 'url':
      return typeof value === 'string' && isHttpUrl(value) ? null : 'must be an http or https URL';
    case 'pem':
      return typeof value === 'string' && isPem(value)
        ? null
        : 'must be a key or certificate in PEM (-----BEGIN … -----END …), without a passphrase';
    case 'text':
    case 'secret':
      return typeof value === 'string' ? null : 'must be a text';
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** What OpenSSL cannot read now would fail every message later. */
function isPem(text: string): boolean {
  for (const read of [createPrivateKey, createPublicKey]) {
    try {
      read(text);
      return true;
    } catch {}
  }
  return false;
}

function parseJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMapOfTexts(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.entries(value).every(
      ([name, text]) => /^[A-Za-z]\w{0,63}$/.test(name) && typeof text === 'string' && text !== '',
    )
  );
}
