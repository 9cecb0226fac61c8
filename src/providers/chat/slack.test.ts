import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, ReceiptRequest, RequestContext } from '../contract.ts';
import slack from './slack.ts';

const config = {
  botToken: new Secret('xoxb-17653672481-19874698323'),
  signingSecret: new Secret('8f742231b10e8888abcd99yyyzzz85a5'),
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://slack.com/api',
};

function message(content: Content): Message {
  const recipient = { address: 'U061F7AUR' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'otp', userId: 'u1' };
}
const bodyOf = (content: Content) =>
  JSON.parse(String(slack.request(message(content), config, context).body));
const rich = (...elements: object[]) => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements }],
});

// ---------------------------------------------------------------------------------------------- request

conformance(slack, {
  golden: [
    {
      name: 'a text to a member, with the text for notifications',
      message: message({ body: 'It is "here"' }),
      config,
      expected: {
        method: 'POST',
        url: 'https://slack.com/api/chat.postMessage',
        headers: {
          authorization: 'Bearer xoxb-17653672481-19874698323',
          'content-type': 'application/json; charset=utf-8',
        },
        body:
          '{"channel":"U061F7AUR","text":"It is \\"here\\"","blocks":[{"type":"rich_text","elements":' +
          '[{"type":"rich_text_section","elements":[{"type":"text","text":"It is \\"here\\""}]}]}]}',
      },
    },
    {
      name: 'everything that a card can hold',
      message: message({
        title: 'Parcel',
        body: 'Track: https://a.org/t.',
        url: 'https://a.org/p?a=1&b=2',
        image: 'https://a.org/i.png',
        fields: [{ title: 'Shop', value: 'Acme' }],
        actions: [
          { id: 'open', title: 'Open', url: 'https://a.org/o' },
          { id: 'later', title: 'Later' },
        ],
        passthrough: { slack: { thread_ts: '1.2', unfurl_links: false } },
      }),
      expected: {
        body: {
          channel: 'U061F7AUR',
          text: 'Parcel\nTrack: https://a.org/t.',
          blocks: [
            rich(
              { type: 'link', url: 'https://a.org/p?a=1&b=2', text: 'Parcel', style: { bold: true } },
              { type: 'text', text: '\n' },
              { type: 'text', text: 'Track: ' },
              { type: 'link', url: 'https://a.org/t' },
              { type: 'text', text: '.' },
            ),
            {
              type: 'section',
              fields: [
                { type: 'plain_text', text: 'Shop' },
                { type: 'plain_text', text: 'Acme' },
              ],
            },
            { type: 'image', image_url: 'https://a.org/i.png', alt_text: 'Parcel' },
            {
              type: 'actions',
              elements: [
                { type: 'button', text: { type: 'plain_text', text: 'Open' }, url: 'https://a.org/o' },
              ],
            },
          ],
          thread_ts: '1.2',
          unfurl_links: false,
        },
      },
    },
  ],
});

test('what users wrote makes no mention, no link and no markup', () => {
  const odd = '<!channel> <@U1> <https://evil.org|here> *b* @all **x** ](https://e.org) <at>';
  const { text, blocks } = bodyOf({ title: odd, body: odd, fields: [{ title: odd, value: odd }] });
  assert.ok(!/[<>]/.test(text));
  assert.ok(text.startsWith('&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.org|here&gt; *b* @all'));
  const [{ elements }, section] = blocks;
  const types = new Set(elements[0].elements.map(({ type }: { type: string }) => type));
  assert.deepEqual([...types], ['text', 'link']);
  for (const link of elements[0].elements.filter(({ type }: { type: string }) => type === 'link'))
    assert.equal(link.text, undefined, 'a link shows where it leads');
  for (const field of section.fields) assert.equal(field.type, 'plain_text');
});

test('texts are cut to what Slack takes, fields go on in further sections', () => {
  const fields = Array.from({ length: 30 }, (_, n) => ({ title: `${n}`, value: '' }));
  const { text, blocks } = bodyOf({ title: 't'.repeat(200), body: 'x'.repeat(50_000), fields });
  assert.equal(text.length, 4_000);
  const [head, , body] = blocks[0].elements[0].elements;
  assert.deepEqual([head.text.length, body.text.length], [150, 10_000]);
  assert.deepEqual(
    blocks.slice(1).map((block: { fields: unknown[] }) => block.fields.length),
    [10, 10, 10, 10],
  );
  assert.equal(blocks[1].fields[1].text, ' ');
});

// ---------------------------------------------------------------------------------------------- classify

const SAID: [errors: string, outcome: Partial<Outcome>][] = [
  [
    'is_archived user_not_found cannot_dm_bot user_disabled',
    { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
  ],
  ['channel_not_found', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  [
    'not_in_channel restricted_action restricted_action_read_only_channel',
    { kind: 'rejected', reason: 'sender_not_allowed', effect: undefined },
  ],
  ['messages_tab_disabled', { kind: 'rejected', reason: 'account_misconfigured' }],
  ['not_authed invalid_auth token_revoked', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['token_expired', { kind: 'unavailable', reason: 'credentials_expired' }],
  ['account_inactive', { kind: 'unavailable', reason: 'account_suspended' }],
  ['missing_scope ekm_access_denied access_denied', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [
    'no_text invalid_blocks invalid_blocks_format too_many_attachments metadata_too_large metadata_must_be_sent_from_app',
    { kind: 'rejected', reason: 'content_invalid' },
  ],
  ['msg_too_long msg_blocks_too_long', { kind: 'rejected', reason: 'content_too_large' }],
  ['invalid_arguments something_new', { kind: 'rejected', reason: 'request_invalid' }],
  ['fatal_error internal_error', { kind: 'retry', reason: 'provider_error' }],
  ['service_unavailable', { kind: 'retry', reason: 'provider_unavailable' }],
  ['request_timeout', { kind: 'retry', reason: 'timeout' }],
  ['ratelimited rate_limited message_limit_exceeded', { kind: 'retry', scope: 'connection' }],
];

for (const [errors, expected] of SAID) {
  test(`${errors}: ${expected.kind}`, () => {
    for (const error of errors.split(' ')) {
      const body = JSON.stringify({ ok: false, error });
      for (const status of [200, 400])
        assertOutcome(slack.classify({ status, headers: {}, body }, context), { ...expected, code: error });
    }
  });
}

test('a success without channel and time, or an answer that is no JSON, may have been sent', () => {
  for (const body of ['', '<html>', '{}', '{"ok":true}', '{"ok":true,"ts":"1.2"}']) {
    assertOutcome(slack.classify({ status: 200, headers: {}, body }, context), {
      kind: 'unknown',
      reason: 'response_unreadable',
    });
  }
});

// ---------------------------------------------------------------------------------------------- events

function post(body: string, at: number, signature?: string): ReceiptRequest {
  const seconds = Math.floor(at / 1_000);
  const mac = createHmac('sha256', config.signingSecret.reveal())
    .update(`v0:${seconds}:${body}`)
    .digest('hex');
  const headers = {
    'x-slack-request-timestamp': `${seconds}`,
    'x-slack-signature': signature ?? `v0=${mac}`,
  };
  return { method: 'POST', url: 'https://bellhop.example/r', headers, body: Buffer.from(body) };
}
const { verify, handshake, inbound } = slack.receipts!;

test("the signature of Slack's own example verifies", () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V' +
    '&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=' +
    '&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN' +
    '&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const signature = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';
  const at = 1_531_420_618_000;
  assert.equal(verify(post(body, at, signature), config, { now: at }), true);
  assert.equal(verify(post(`${body} `, at, signature), config, { now: at }), false);
  assert.equal(verify(post(body, at + 1_000, signature), config, { now: at }), false);
});

test('posts older or newer than five minutes, and those without our secret, are refused', () => {
  const { now } = context;
  assert.equal(verify(post('{}', now - 300_000), config, { now }), true);
  assert.equal(verify(post('{}', now - 301_000), config, { now }), false);
  assert.equal(verify(post('{}', now + 301_000), config, { now }), false);
  const { botToken } = config;
  assert.equal(verify(post('{}', now), { botToken }, { now }), false);
});

test('a signed challenge is echoed, one that nobody signed is not', () => {
  const body =
    '{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
  const { now } = context;
  const request = post(body, now);
  assert.deepEqual(handshake!(request, config, { now, verified: true }), {
    contentType: 'text/plain',
    body: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
  });
  assert.equal(handshake!(request, config, { now, verified: false }), null);
  assert.equal(handshake!(post('{"type":"event_callback"}', now), config, { now, verified: true }), null);
});

test('what a member writes to the bot is heard; channels, edits and bots are not', () => {
  const event = {
    type: 'message',
    channel: 'D024BE91L',
    user: 'U2147483697',
    text: 'stop',
    channel_type: 'im',
  };
  const hear = (own: object) =>
    inbound!.parse(post(JSON.stringify({ type: 'event_callback', event: { ...event, ...own } }), 0), config);
  assert.deepEqual(hear({}), [{ from: 'U2147483697', text: 'stop' }]);
  for (const own of [
    { channel_type: 'channel' },
    { subtype: 'message_changed' },
    { bot_id: 'B1' },
    { user: null },
  ])
    assert.deepEqual(hear(own), []);
});
