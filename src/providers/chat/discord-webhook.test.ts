import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reveal, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import webhook from './discord-webhook.ts';

const URL_OF_OURS = 'https://discord.com/api/webhooks/223704706495545344/3d89bb7572e0fb30d8128367b3b1b44f';
const config = { url: new Secret(URL_OF_OURS) };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://discord.com',
};

function message(content: Content): Message {
  const recipient = { address: '' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'ops', userId: 'u1' };
}
const urlOf = (content: Content, own: { url?: string; baseUrl?: string } = {}) =>
  webhook.request(message(content), own.url ? { url: new Secret(own.url) } : config, {
    ...context,
    ...(own.baseUrl && { baseUrl: own.baseUrl }),
  }).url;

conformance(webhook, {
  golden: [
    {
      name: 'words by version 10, waiting for the message to be saved',
      message: message({
        body: 'db-1 @everyone',
        url: 'https://a.org/s',
        passthrough: { 'discord-webhook': { username: 'Ops' } },
      }),
      config,
      expected: {
        method: 'POST',
        url: 'https://discord.com/api/v10/webhooks/223704706495545344/3d89bb7572e0fb30d8128367b3b1b44f?wait=true',
        headers: { 'content-type': 'application/json' },
        body: '{"content":"db-1 @everyone\\nhttps://a.org/s","allowed_mentions":{"parse":[]},"username":"Ops"}',
      },
    },
  ],
});

test('buttons are asked for in the query, a thread stays in it', () => {
  const actions = [{ id: 'open', title: 'Open', url: 'https://a.org/o' }];
  assert.match(reveal(urlOf({ body: 'x', actions })), /\?wait=true&with_components=true$/);
  assert.match(
    reveal(urlOf({ body: 'x' }, { url: `${URL_OF_OURS}?thread_id=7` })),
    /\/api\/v10\/webhooks\/.*\?thread_id=7&wait=true$/,
  );
});

test('only the host is printed, and a base URL of its own takes the place of the host alone', () => {
  assert.equal(String(urlOf({ body: 'x' })), 'https://discord.com/***');
  assert.equal(
    reveal(urlOf({ body: 'x' }, { baseUrl: 'http://127.0.0.1:8080' })),
    'http://127.0.0.1:8080/api/v10/webhooks/223704706495545344/3d89bb7572e0fb30d8128367b3b1b44f?wait=true',
  );
});

test('an address that is none of Discord is refused when the connection is made', () => {
  const isTaken = (url: string) => 'config' in parseConfig(webhook, { url });
  for (const url of [
    URL_OF_OURS,
    URL_OF_OURS.replace('discord.com', 'ptb.discord.com'),
    `${URL_OF_OURS}?thread_id=1`,
  ])
    assert.equal(isTaken(url), true, url);
  for (const url of [URL_OF_OURS.replace('discord.com', 'evil.org'), `${URL_OF_OURS}/slack`, 'x'])
    assert.equal(isTaken(url), false, url);
});

const ANSWERS: [status: number, codes: string, outcome: Partial<Outcome>][] = [
  [404, '10015 10003', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [401, '50027', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [403, '50013', { kind: 'unavailable', reason: 'sender_not_allowed' }],
  [400, '50006 50035', { kind: 'rejected', reason: 'content_invalid' }],
  [400, '220001 220003', { kind: 'rejected', reason: 'content_invalid' }],
  [400, '240000', { kind: 'rejected', reason: 'content_refused' }],
  [400, '40062 20028', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
];

for (const [status, codes, expected] of ANSWERS) {
  test(`${status} ${codes}: ${expected.kind}`, () => {
    for (const code of codes.split(' ')) {
      const body = JSON.stringify({ message: 'x', code: Number(code) });
      assertOutcome(webhook.classify({ status, headers: {}, body }, context), { ...expected, code });
    }
  });
}

test('an answer without a message may have been sent', () => {
  for (const [status, body] of [
    [204, ''],
    [200, '{}'],
  ] as const)
    assertOutcome(webhook.classify({ status, headers: {}, body }, context), { kind: 'unknown' });
});
