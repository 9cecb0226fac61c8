import assert from 'node:assert/strict';
import { Secret } from '../../lib/secret.ts';
import { type Field, type Fields, type Provider, SECRET_TYPES } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import { revealAll } from './valid.ts';

/** What validation, forms, the simulator and the feature matrix take for granted. */
export function checkFacts(provider: Provider): void {
  const { id, name, docs, limits, channel, supports, fields, transport, reaches, contactKind } = provider;
  assert.match(id, /^[a-z][a-z0-9-]*$/);
  assert.ok(name);
  // The built-in inbox is documented by ourselves.
  assert.match(docs, transport === 'inbox' ? /^(https:\/\/|\/)/ : /^https:\/\//);
  for (const [limit, value] of Object.entries(limits)) assert.ok(value === undefined || value > 0, limit);
  if (transport !== 'inbox')
    assert.ok(limits.deadlineMs > limits.connectTimeoutMs, 'deadlineMs is too short');
  if (channel === 'push') assert.ok(supports.platforms?.length, 'push reaches platforms');
  const choosesContact = channel === 'chat' && reaches === 'contact';
  assert.equal(contactKind !== undefined, choosesContact, 'contactKind is for chat that reaches contacts');
  if (contactKind !== undefined) assert.match(contactKind, /^[a-z][a-z0-9_-]{0,31}$/);
  // Some vendors post only what people wrote or that they left.
  assert.equal(
    supports.receipts || provider.receipts?.inbound !== undefined,
    provider.receipts !== undefined,
  );
  if (transport === 'http' || transport === 'http2') assert.match(provider.baseUrl, /^https:\/\/.*[^/]$/);
  for (const [field, facts] of Object.entries(fields as Fields)) checkField(field, facts);
}

function checkField(name: string, { label, type, pattern, default: preset }: Field): void {
  assert.match(name, /^[a-z][A-Za-z0-9]*$/);
  assert.ok(label, `${name} has no label`);
  if (isSecret(type)) assert.equal(preset, undefined, `${name}: a secret has no default`);
  if (!pattern) return;
  assert.ok(pattern.hint, `${name}: the pattern has no words`);
  const regex = new RegExp(`^(?:${pattern.regex})$`);
  if (preset !== undefined) assert.match(String(preset), regex, `${name}: the default breaks the pattern`);
}

function isSecret(type: string | undefined): boolean {
  return (SECRET_TYPES as readonly (string | undefined)[]).includes(type);
}

/** What a customer could have entered, with secrets where the fields say so. */
export function checkTestConfig(provider: Provider, config: object): void {
  const raw = revealAll(config) as Record<string, unknown>;
  const parsed = parseConfig(provider, raw);
  assert.ok('config' in parsed, JSON.stringify(parsed));
  for (const [name, value] of Object.entries(config).filter(([, value]) => value !== undefined)) {
    const type = (provider.fields as Fields)[name]?.type;
    const all: unknown[] = type === 'secrets' ? Object.values(value) : [value];
    for (const one of all) assert.equal(one instanceof Secret, isSecret(type), name);
  }
}
