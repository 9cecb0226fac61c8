import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import { type Outcome, REASONS } from '../contract.ts';

const KEYS: Record<Outcome['kind'], string> = {
  accepted: 'kind providerMessageId',
  retry: 'kind reason code afterMs scope',
  'token-expired': 'kind code',
  rejected: 'kind reason code effect',
  unavailable: 'kind reason code afterMs',
  unknown: 'kind reason code',
};

/** The longest wait that the engine can be asked for. */
const LONGEST_WAIT_MS = 31 * 86_400_000;
const LATEST_DATE_MS = 8.64e15;

/** Everything the engine relies on; numbers must survive being made a date. */
export function assertValid(outcome: Outcome): void {
  const keys = KEYS[outcome.kind]?.split(' ');
  assert.ok(keys, `no such kind: ${outcome.kind}`);
  assert.deepEqual(
    Object.keys(outcome).filter((key) => !keys.includes(key)),
    [],
    `has no place in ${outcome.kind}`,
  );
  if (outcome.kind === 'accepted') {
    const id = outcome.providerMessageId;
    assert.ok(id === null || typeof id === 'string', 'an id is a text or null');
    return;
  }
  assert.ok(outcome.code === undefined || typeof outcome.code === 'string', 'a code is a text');
  if (outcome.kind === 'token-expired') return;
  assert.ok(REASONS.includes(outcome.reason), `no such reason: ${outcome.reason}`);
  if (outcome.kind === 'retry') assert.match(outcome.scope, /^(message|connection)$/);
  if ('afterMs' in outcome && outcome.afterMs !== undefined) assertWithin(outcome.afterMs, LONGEST_WAIT_MS);
  if (outcome.kind !== 'rejected' || outcome.effect === undefined) return;
  assert.match(outcome.effect.type, /^(prune-device|suppress-contact)$/);
  if ('invalidSince' in outcome.effect && outcome.effect.invalidSince !== undefined) {
    assertWithin(outcome.effect.invalidSince, LATEST_DATE_MS);
  }
}

function assertWithin(value: number, max: number): void {
  assert.ok(Number.isFinite(value) && value >= 0 && value <= max, `${value} is not within 0 and ${max}`);
}

/** What is not even tried: anything but a rejection would be tried again, or spoil the connection for others. */
export function assertRefusal(refusal: Outcome | null, needles: string[]): void {
  if (!refusal) return;
  assertValid(refusal);
  assert.equal(refusal.kind, 'rejected');
  assertHidden(refusal, needles);
}

/** Only the named parts of an outcome are compared. */
export function assertOutcome(actual: Outcome, expected: Partial<Outcome>): void {
  const named = Object.keys(expected).map((key) => [key, actual[key as keyof Outcome]]);
  assert.deepEqual(Object.fromEntries(named), expected);
}

/** A copy in which secrets, masked URLs and bytes are plain text. */
export function revealAll(value: unknown): unknown {
  if (value instanceof Secret || value instanceof MaskedUrl) return value.reveal();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url');
  if (Array.isArray(value)) return value.map(revealAll);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealAll(inner)]));
}

/** Makes writing to a value, or to anything in it, throw. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

/**
 * What of a secret must appear nowhere: the whole of it, and of a key each line (JSON writes line breaks as `\n`).
 * A JSON secret also holds names and addresses that are none; its keys count.
 */
export function needlesOf(secret: Secret): string[] {
  const text = secret.reveal();
  const lines = text.split(/\\n|[\r\n]+/).filter((line) => /^[A-Za-z0-9+/]{32,}={0,2}$/.test(line));
  return [text, ...lines];
}

/** Fails when any way of printing the value shows one of the texts, plainly or behind base64 or percent-encoding. */
export function assertHidden(value: unknown, needles: string[]): void {
  const plain = [JSON.stringify(value), inspect(value, { depth: null, showHidden: true }), ...texts(value)];
  const words = plain.flatMap((text) => text.match(/[A-Za-z0-9+/_-]{8,}={0,2}/g) ?? []);
  const decoded = words.map((word) => Buffer.from(word, 'base64').toString('latin1'));
  const percent = plain
    .filter((text) => text.includes('%'))
    .map((text) => text.replace(/%(..)/g, percentDecode));
  const printed = [...plain, ...decoded, ...percent].join('\n');
  // The needle itself would be printed by an assertion that compares.
  for (const needle of needles) if (printed.includes(needle)) assert.fail('a secret is printed');
}

function texts(value: unknown): string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('latin1')];
  if (value instanceof Secret || value instanceof MaskedUrl) return [String(value)];
  if (typeof value !== 'object' || value === null) return [String(value)];
  return [String(value), ...Object.values(value).flatMap(texts)];
}

function percentDecode(whole: string, hex: string): string {
  const code = Number.parseInt(hex, 16);
  return Number.isNaN(code) ? whole : String.fromCharCode(code);
}
