import assert from 'node:assert/strict';
import { revealAll } from '../conformance/valid.ts';
import type { HttpProvider, Message, RequestContext } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import httpSms from '../sms/http-sms.ts';

export const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: '',
};
const base = { baseUrl: 'https://api.example.org/v1/', secrets: { key: 'k3y-of-the-tenant' } };

export function message(extra: Partial<Message> = {}): Message {
  const recipient = { address: '+14155550100' };
  const content = { body: 'B', data: { n: 7, list: ['a', 'b'], inner: { x: null } } };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1', ...extra };
}

/** A configuration with this description. */
export function parse(request: object, more: object = {}) {
  return parseConfig(httpSms as HttpProvider, { ...base, request, ...more });
}

/** The rules that a description breaks, each after its place. */
export function problems(request: object, more: object = {}): string[] {
  const parsed = parse(request, more);
  return 'problems' in parsed ? parsed.problems.map(({ path, rule }) => `${path} ${rule}`) : [];
}

export function configOf(more: object) {
  const parsed = parse({ path: '/' }, more);
  assert.ok('config' in parsed, JSON.stringify(parsed));
  return parsed.config;
}

export function build(request: object, one = message()) {
  const parsed = parse(request);
  assert.ok('config' in parsed, JSON.stringify(parsed));
  return httpSms.request(one, parsed.config, context);
}

/** The request in plain text. */
export const sent = (request: object, one?: Message) =>
  revealAll(build(request, one)) as Record<string, string>;

/** An answer's verdict by this description of answers. */
export function judge(response: object, status: number, body: unknown, headers = {}) {
  const reply = { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
  return httpSms.classify(reply, { now: context.now, config: configOf({ response }) });
}

/** A description of receipts, signed with the secret `key`. */
export const receipts = (extra: object) => ({
  receipts: {
    signature: { type: 'hmac', header: 'x-sig', secret: 'key' },
    messageId: '/id',
    status: '/s',
    events: { d: 'delivered' },
    ...extra,
  },
});
