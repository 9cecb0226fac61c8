import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reveal, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import webhook from './slack-webhook.ts';

const config = {
  url: new Secret('https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX'),
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://hooks.slack.com',
};

function message(content: Content): Message {
  const recipient = { address: '' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'ops', userId: 'u1' };
}

conformance(webhook, {
  golden: [
    {
      name: 'a card to the address that Slack gave',
      message: message({
        title: 'Down',
        body: 'db-1 <!here>',
        passthrough: { 'slack-webhook': { thread_ts: '1.2' } },
      }),
      config,
      expected: {
        method: 'POST',
        url: 'https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: {
          text: 'Down\ndb-1 &lt;!here&gt;',
          blocks: [
            {
              type: 'rich_text',
              elements: [
                {
                  type: 'rich_text_section',
                  elements: [
                    { type: 'text', text: 'Down', style: { bold: true } },
                    { type: 'text', text: '\n' },
                    { type: 'text', text: 'db-1 <!here>' },
                  ],
                },
              ],
            },
          ],
          thread_ts: '1.2',
        },
      },
    },
  ],
});

test('only the host is printed, and a base URL of its own takes the place of the host alone', () => {
  const urlOf = (baseUrl: string) =>
    webhook.request(message({ body: 'x' }), config, { ...context, baseUrl }).url;
  assert.equal(String(urlOf('https://hooks.slack.com')), 'https://hooks.slack.com/***');
  assert.equal(
    reveal(urlOf('http://127.0.0.1:8080/slack')),
    'http://127.0.0.1:8080/slack/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX',
  );
});

test('an address that is none of Slack is refused when the connection is made', () => {
  const isTaken = (url: string) => 'config' in parseConfig(webhook, { url });
  assert.equal(isTaken('https://hooks.slack.com/services/T0/B0/x'), true);
  assert.equal(isTaken('https://hooks.slack-gov.com/services/T0/B0/x'), true);
  for (const url of ['https://evil.org/services/T0/B0/x', 'http://hooks.slack.com/services/T0/B0/x', 'x'])
    assert.equal(isTaken(url), false, url);
});

const SAID: [status: number, words: string, outcome: Partial<Outcome>][] = [
  [
    404,
    'channel_not_found no_service no_service_id no_team no_active_hooks',
    { kind: 'unavailable', reason: 'account_misconfigured' },
  ],
  [410, 'channel_is_archived', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [403, 'invalid_token', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [400, 'user_not_found', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [
    403,
    'action_prohibited posting_to_general_channel_denied',
    { kind: 'unavailable', reason: 'sender_not_allowed' },
  ],
  [403, 'team_disabled', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [
    400,
    'invalid_payload no_text invalid_blocks too_many_attachments missing_text_or_fallback_or_attachments',
    { kind: 'rejected', reason: 'content_invalid' },
  ],
  [500, 'rollup_error', { kind: 'retry', reason: 'provider_error' }],
  [429, 'rate_limited', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
];

for (const [status, words, expected] of SAID) {
  test(`${status} ${words}: ${expected.kind}`, () => {
    for (const body of words.split(' '))
      assertOutcome(webhook.classify({ status, headers: {}, body }, context), { ...expected, code: body });
  });
}

test('a success that does not say ok may have been sent, a status without a word is judged by itself', () => {
  const kindOf = (status: number, body: string) =>
    webhook.classify({ status, headers: {}, body }, context).kind;
  assert.deepEqual(
    [kindOf(200, ''), kindOf(200, 'OK!'), kindOf(410, ''), kindOf(503, ''), kindOf(500, '')],
    ['unknown', 'unknown', 'unavailable', 'retry', 'unknown'],
  );
});
