import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reveal, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import telegram from './telegram.ts';

const config = { botToken: new Secret('123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11') };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://api.telegram.org',
};

function message(content: Content, own: Partial<Message> = {}): Message {
  const recipient = { address: '987654321' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'otp', userId: 'u1', ...own };
}
const bodyOf = (content: Content, own: Partial<Message> = {}) =>
  JSON.parse(String(telegram.request(message(content, own), config, context).body));
const textOf = (content: Content): string => bodyOf(content).text;

// ---------------------------------------------------------------------------------------------- request

conformance(telegram, {
  golden: [
    {
      name: 'text in HTML to a chat by its number, without a preview of whatever address the text holds',
      message: message({ body: 'Your code: <1> & "2"' }),
      config,
      expected: {
        method: 'POST',
        url: 'https://api.telegram.org/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage',
        headers: { 'content-type': 'application/json' },
        body:
          '{"chat_id":987654321,"text":"Your code: &lt;1&gt; &amp; &quot;2&quot;","parse_mode":"HTML",' +
          '"link_preview_options":{"is_disabled":true}}',
      },
    },
    {
      name: 'everything that a card can hold',
      message: message(
        {
          title: 'Parcel “7”',
          body: 'It is here',
          url: 'https://a.org/p?a=1&b=2',
          image: 'https://a.org/i.png',
          fields: [
            { title: 'Shop', value: 'Acme <&>' },
            { title: 'Sum', value: '7 €' },
          ],
          actions: [
            { id: 'track', title: 'Track', url: 'https://a.org/t' },
            { id: 'later', title: 'Later' },
          ],
          passthrough: {
            telegram: { protect_content: true, link_preview_options: { show_above_text: false } },
          },
        },
        { priority: 'low', recipient: { address: '@acme_news' } },
      ),
      expected: {
        body: {
          chat_id: '@acme_news',
          text:
            '<b><a href="https://a.org/p?a=1&amp;b=2">Parcel “7”</a></b>\n\nIt is here\n\n' +
            '<b>Shop:</b> Acme &lt;&amp;&gt;\n<b>Sum:</b> 7 €',
          parse_mode: 'HTML',
          link_preview_options: {
            url: 'https://a.org/i.png',
            prefer_large_media: true,
            show_above_text: false,
          },
          disable_notification: true,
          reply_markup: { inline_keyboard: [[{ text: 'Track', url: 'https://a.org/t' }]] },
          protect_content: true,
        },
      },
    },
  ],
});

test('the token is not in the URL that is printed', () => {
  const { url } = telegram.request(message({ body: 'x' }), config, context);
  assert.equal(String(url), 'https://api.telegram.org/***/sendMessage');
  assert.ok(reveal(url).includes('zyx57W2v1u123ew11'));
});

test('ids of groups stay numbers, and what no number can hold stays text', () => {
  const idOf = (address: string) => bodyOf({ body: 'x' }, { recipient: { address } }).chat_id;
  assert.deepEqual(['-1001234567890', '9007199254740993', 'C01'].map(idOf), [
    -1001234567890,
    '9007199254740993',
    'C01',
  ]);
});

test('what users wrote makes no markup and no mention', () => {
  const odd =
    '<b>x</b> <a href="https://evil.org">y</a> @all @channel ann@acme.org **b** [t](https://e.org/?a=/@b) /stop';
  assert.equal(
    textOf({ body: odd }),
    '&lt;b&gt;x&lt;/b&gt; &lt;a href=&quot;https://evil.org&quot;&gt;y&lt;/a&gt; @\u200Ball @\u200Bchannel ' +
      'ann@acme.org **b** [t](https://e.org/?a=/@b) /stop',
  );
  assert.equal(
    textOf({ title: '<!channel> <at>all</at>' }),
    '<b>&lt;!channel&gt; &lt;at&gt;all&lt;/at&gt;</b>',
  );
});

test('an address without a title stands in the text', () => {
  assert.equal(textOf({ body: 'x', url: 'https://a.org/?a&b' }), 'x\n\nhttps://a.org/?a&amp;b');
});

test('a long body is cut to 4096 characters as Telegram counts them, the rest stays', () => {
  const shown = (content: Content) =>
    textOf(content)
      .replace(/<[^>]+>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&amp;', '&');
  assert.equal(shown({ body: '<'.repeat(4_096) }).length, 4_096);
  assert.equal(shown({ body: '@a '.repeat(1_500) }).length, 4_096);
  const full = {
    title: 'T',
    body: '&'.repeat(5_000),
    fields: [{ title: 'a', value: 'b' }],
    url: 'https://a.org',
  };
  const text = shown(full);
  assert.equal(text.length, 4_096);
  assert.match(text, /^T\n\n&+…\n\na: b$/);
  const fields = Array.from({ length: 100 }, () => ({ title: 'f'.repeat(40), value: 'v'.repeat(40) }));
  assert.ok(shown({ body: 'x'.repeat(5_000), fields }).length <= 4_096);
});

// ---------------------------------------------------------------------------------------------- classify

const SAID: [status: number, description: string, outcome: Partial<Outcome>][] = [
  [403, 'Forbidden: user is deactivated', { kind: 'rejected', reason: 'recipient_invalid' }],
  [403, 'Forbidden: bot was kicked from the group chat', { kind: 'rejected', reason: 'recipient_opted_out' }],
  [403, 'Forbidden: bot was kicked from the supergroup chat', { kind: 'rejected', code: 'bot_kicked' }],
  [403, 'Forbidden: bot was kicked from the channel chat', { kind: 'rejected', code: 'bot_kicked' }],
  [403, 'Forbidden: bot was blocked by the user', { kind: 'rejected', reason: 'recipient_opted_out' }],
  [
    403,
    "Forbidden: bot can't initiate conversation with a user",
    { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined },
  ],
  [400, 'Bad Request: chat not found', { kind: 'rejected', reason: 'recipient_invalid' }],
  [400, 'Bad Request: PEER_ID_INVALID', { kind: 'rejected', reason: 'recipient_invalid' }],
  [
    400,
    'Bad Request: not enough rights to send text messages to the chat',
    { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined },
  ],
  [400, 'Bad Request: message is too long', { kind: 'rejected', reason: 'content_too_large' }],
  [400, "Bad Request: can't parse entities: x", { kind: 'rejected', reason: 'content_invalid' }],
  [400, 'Bad Request: message text is empty', { kind: 'rejected', reason: 'content_invalid' }],
  [400, 'Bad Request: BUTTON_URL_INVALID', { kind: 'rejected', code: 'button_invalid' }],
  [400, 'Bad Request: something new', { kind: 'rejected', reason: 'request_invalid', code: '400' }],
  [401, 'Unauthorized', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [404, 'Not Found', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [429, 'Too Many Requests: retry after 1', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000 }],
  [500, 'Internal Server Error', { kind: 'retry', reason: 'provider_error' }],
  [503, 'x', { kind: 'retry', reason: 'provider_unavailable' }],
];

for (const [status, description, expected] of SAID) {
  test(`${description}: ${expected.kind}`, () => {
    const body = JSON.stringify({ ok: false, error_code: status, description });
    assertOutcome(telegram.classify({ status, headers: {}, body }, context), expected);
    // Never a success, whatever the status line says.
    assertOutcome(telegram.classify({ status: 200, headers: {}, body }, context), expected);
  });
}

test('a wait of a day is not believed', () => {
  const body = '{"ok":false,"error_code":429,"parameters":{"retry_after":86400}}';
  assertOutcome(telegram.classify({ status: 429, headers: {}, body }, context), { afterMs: 3_600_000 });
});

test('ids are kept digit by digit', () => {
  const body = '{"ok":true,"result":{"message_id":9007199254740993,"chat":{"id":-9007199254740995}}}';
  assert.deepEqual(telegram.classify({ status: 200, headers: {}, body }, context), {
    kind: 'accepted',
    providerMessageId: '-9007199254740995:9007199254740993',
  });
});

test('a success without an id may have been sent', () => {
  for (const body of ['', '{}', '{"ok":true}', '{"ok":true,"result":{"message_id":1}}']) {
    assertOutcome(telegram.classify({ status: 200, headers: {}, body }, context), {
      kind: 'unknown',
      reason: 'response_unreadable',
    });
  }
});
