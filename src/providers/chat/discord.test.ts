import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import discord from './discord.ts';

const config = {
  botToken: new Secret('MTk4NjIyNDgzNDc.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7'),
  userAgent: 'DiscordBot (https://acme.org, 2)',
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://discord.com/api/v10',
};

function message(content: Content): Message {
  const recipient = { address: '290926798999357250' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'otp', userId: 'u1' };
}
const bodyOf = (content: Content, own: Partial<RequestContext> = {}) =>
  JSON.parse(String(discord.request(message(content), config, { ...context, ...own }).body));

// ---------------------------------------------------------------------------------------------- request

// The first 25 characters of base64url(SHA-256(delivery id)).
const NONCE = 'O9G3dhlXWWxhj2q2ZDB5chqN1';

conformance(discord, {
  golden: [
    {
      name: 'words to a channel, with a nonce and without mentions',
      message: message({ body: 'It is "here"' }),
      config,
      expected: {
        method: 'POST',
        url: 'https://discord.com/api/v10/channels/290926798999357250/messages',
        headers: {
          authorization: 'Bot MTk4NjIyNDgzNDc.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7',
          'content-type': 'application/json',
          'user-agent': 'DiscordBot (https://acme.org, 2)',
        },
        body: `{"content":"It is \\"here\\"","allowed_mentions":{"parse":[]},"nonce":"${NONCE}","enforce_nonce":true}`,
      },
    },
    {
      name: 'everything that an embed can hold',
      message: message({
        title: 'Parcel_7',
        body: 'It is *here*: https://a.org/x_y',
        url: 'https://a.org/p',
        image: 'https://a.org/i.png',
        fields: [
          { title: 'Shop', value: 'Acme' },
          { title: 'Note', value: '' },
        ],
        actions: [
          { id: 'open', title: 'Open', url: 'https://a.org/o' },
          { id: 'later', title: 'Later' },
          { id: 'long', title: 'Long', url: `https://a.org/${'x'.repeat(512)}` },
        ],
        passthrough: { discord: { flags: 4096 } },
      }),
      expected: {
        body: {
          embeds: [
            {
              title: 'Parcel\\_7',
              url: 'https://a.org/p',
              description: 'It is \\*here\\*: https://a.org/x_y',
              fields: [
                { name: 'Shop', value: 'Acme', inline: true },
                { name: 'Note', value: '\u200B', inline: true },
              ],
              image: { url: 'https://a.org/i.png' },
            },
          ],
          components: [
            { type: 1, components: [{ type: 2, style: 5, label: 'Open', url: 'https://a.org/o' }] },
          ],
          allowed_mentions: { parse: [] },
          nonce: NONCE,
          enforce_nonce: true,
          flags: 4096,
        },
      },
    },
  ],
});

test('each delivery has a nonce of its own, of at most 25 characters, the same in every attempt', () => {
  const nonceOf = (deliveryId: string) => bodyOf({ body: 'x' }, { deliveryId, now: Math.random() }).nonce;
  const one = nonceOf('019aa6b0-0000-7000-8000-000000000001');
  assert.match(one, /^[\w-]{1,25}$/);
  assert.equal(nonceOf('019aa6b0-0000-7000-8000-000000000001'), one);
  assert.notEqual(nonceOf('019aa6b0-0000-7000-8000-000000000002'), one);
});

test('an address is one step of the path, whatever it holds', () => {
  const at = (address: string) =>
    String(discord.request({ ...message({ body: 'x' }), recipient: { address } }, config, context).url);
  assert.equal(at('1/../2?x'), 'https://discord.com/api/v10/channels/1%2F..%2F2%3Fx/messages');
});

test('what users wrote makes no mention, no link with another name and no markup', () => {
  const odd =
    '<@1> <!channel> @everyone @all **b** ](https://evil.org) [t](https://evil.org/a_b) <at> ||s|| `c`\n> q\n# h\n- l';
  const { content, allowed_mentions: mentions } = bodyOf({ body: odd });
  assert.equal(
    content,
    '\\<@1\\> \\<!channel\\> @everyone @all \\*\\*b\\*\\* \\](https://evil.org) \\[t\\](https://evil.org/a_b) \\<at\\> ' +
      '\\|\\|s\\|\\| \\`c\\`\n\\> q\n\\# h\n\\- l',
  );
  assert.deepEqual(mentions, { parse: [] });
});

test('texts are cut to what Discord takes after they were escaped', () => {
  const { content } = bodyOf({ body: '*'.repeat(3_000) });
  assert.ok(content.length <= 2_000 && content.length > 1_990);
  assert.ok(content.endsWith('\\*…'), 'no escape is cut in two');
  const fields = Array.from({ length: 40 }, () => ({ title: '_'.repeat(40), value: 'v'.repeat(50) }));
  const [embed] = bodyOf({ title: '*'.repeat(300), body: 'x'.repeat(9_000), fields }).embeds;
  const parts = embed.fields.flatMap(({ name, value }: { name: string; value: string }) => [name, value]);
  const whole = [embed.title, embed.description, ...parts].join('');
  assert.ok(whole.length <= 6_000 && embed.fields.length <= 25);
  assert.ok(embed.title.length <= 256 && embed.description.length === 4_096);
  assert.equal(bodyOf({ body: 'x'.repeat(3_000), url: 'https://a.org' }).content.length, 2_000);
});

// ---------------------------------------------------------------------------------------------- classify

const CODES: [codes: string, outcome: Partial<Outcome>][] = [
  ['10003 10013', { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
  [
    '50007 50278 40007',
    { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } },
  ],
  ['50006 50035 220001 220003', { kind: 'rejected', reason: 'content_invalid' }],
  ['50109', { kind: 'rejected', reason: 'request_invalid' }],
  ['40005', { kind: 'rejected', reason: 'content_too_large' }],
  ['240000 200000', { kind: 'rejected', reason: 'content_refused' }],
  ['50008', { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  ['50001 50013 160002', { kind: 'rejected', reason: 'sender_not_allowed' }],
  ['40001 50014', { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['40333', { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['40004 40006', { kind: 'retry', reason: 'provider_unavailable' }],
  ['20016 20028', { kind: 'retry', reason: 'recipient_rate_limited', scope: 'message' }],
  ['40062 40003', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  ['99999', { kind: 'rejected', reason: 'request_invalid' }],
];

for (const [codes, expected] of CODES) {
  test(`${codes}: ${expected.kind}`, () => {
    for (const code of codes.split(' ')) {
      const body = JSON.stringify({ message: 'x', code: Number(code) });
      assertOutcome(discord.classify({ status: 400, headers: {}, body }, context), { ...expected, code });
    }
  });
}

test('a wait is that of the body, or the longer one of the header; what is no JSON comes from before the API', () => {
  const classify = (body: string, headers = {}) => discord.classify({ status: 429, headers, body }, context);
  assertOutcome(classify('{"retry_after":1.5,"global":true}'), { afterMs: 1_500 });
  assertOutcome(classify('{"retry_after":1.5,"code":20028}', { 'retry-after': '2' }), {
    afterMs: 2_000,
    code: '20028',
  });
  assertOutcome(classify('{"retry_after":1e9}'), { kind: 'retry', afterMs: 3_600_000 });
  assertOutcome(classify('error code: 1015'), { kind: 'retry', afterMs: 60_000 });
});

test('ids are kept digit by digit, and a success without one may have been sent', () => {
  const classify = (body: string) => discord.classify({ status: 200, headers: {}, body }, context);
  assert.deepEqual(classify('{"id":334385199974967043}'), {
    kind: 'accepted',
    providerMessageId: '334385199974967043',
  });
  assertOutcome(classify('{}'), { kind: 'unknown', reason: 'response_unreadable' });
});
