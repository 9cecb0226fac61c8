import type { Content, Example, HttpResponse, Message, Provider, Recipient, SmtpReply } from '../contract.ts';

// ---------------------------------------------------------------------------------------------- messages

// Keys of RFC 8291, appendix A.
const SUBSCRIPTION: Recipient = {
  address: 'https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV',
  keys: {
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  },
};

const ADDRESSES: Record<Message['channel'], string> = {
  push: 'a1b2c3d4'.repeat(8),
  email: 'ann@example.org',
  sms: '+14155550100',
  chat: 'C0123456789',
  inbox: '',
  webhook: '',
};

const CONTENTS: Content[] = [
  {},
  {
    title: 'Parcel “7”',
    subtitle: 'Zürich',
    body: 'It is here 📦\r\nSecond line',
    subject: 'Parcel\r\nBcc: eve@example.org',
    text: 'It is here',
    html: '<p>It is <b>here</b>',
    replyTo: 'shop@example.org\r\nBcc: eve@example.org',
    headers: { 'List-Unsubscribe': '<https://example.org/u>', 'X-Odd': 'a\r\nb' },
    url: 'https://example.org/p?a=1&b=2',
    image: 'https://example.org/i.png',
    icon: 'https://example.org/icon.png',
    actions: [
      { id: 'open', title: 'Open', url: 'https://example.org/open' },
      { id: 'later', title: 'Later' },
    ],
    badge: 0,
    sound: 'chime.caf',
    collapseKey: `заказ-7\r\n${'x'.repeat(80)}`,
    data: { n: 1, yes: true, none: null, nested: { list: [1, { a: 'b' }] }, text: 'x' },
  },
  { silent: true, title: 'Unseen', badge: 3, data: { sync: 'now' }, collapseKey: 'sync' },
];

/** Little, much and nothing to show, for every kind of recipient that the provider reaches. */
export function sampleMessages(provider: Provider, now: number): Message[] {
  const passthrough = { [provider.id]: { extra: { deep: ['x'] } }, other: { leak: 'other' } };
  const contents = [...CONTENTS, { body: 'x', passthrough }];
  const recipients = (provider.supports.platforms ?? [undefined]).map((platform): Recipient => {
    const place = platform === 'web' ? SUBSCRIPTION : { address: ADDRESSES[provider.channel] };
    return { ...place, ...(platform && { platform }) };
  });
  return recipients.flatMap((recipient) =>
    contents.map((content, i) => ({
      channel: provider.channel,
      recipient,
      content,
      priority: (['high', 'normal', 'low'] as const)[i % 3]!,
      category: 'orders',
      userId: 'u1',
      // Soon, in a year, long ago, never.
      expiresAt: [now + 90_500, now + 31_536_000_000, now - 1, undefined][i % 4],
    })),
  );
}

// ---------------------------------------------------------------------------------------------- answers

const LARGEST_BODY = 65_536;
const nested = (open: string, close: string) => open.repeat(5_000) + close.repeat(5_000);

/** What a vendor, its load balancer or a stranger in between may answer with. */
const ODD_BODIES = [
  '',
  ' \r\n',
  '{',
  '{"error":{"code":4',
  'null',
  'true',
  '0',
  '1e999',
  '"text"',
  '[]',
  '[null]',
  '{}',
  '\u0000\ufffd',
  '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>',
  'upstream connect error or disconnect/reset before headers',
  'x'.repeat(LARGEST_BODY),
  JSON.stringify({ reason: 'x'.repeat(LARGEST_BODY) }).slice(0, LARGEST_BODY),
  nested('[', ']'),
  `${nested('{"error":', '}').replace('}', '{}}')}`,
];

/** The last one is the largest date that HTTP can say. */
const ODD_RETRY_AFTER = ['', 'soon', '-5', '0', '1.5', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'];

const ODD_VALUES: unknown[] = [
  ...[null, true, 0, -1, 0.5, 1e300, '', 'x', [], [null], {}, { a: {} }],
  // What a look-up in a plain object finds although nobody put it there.
  ...['constructor', 'toString', '__proto__', { toString: null }],
];

/** Each status with each odd body, and each example with each of its values replaced by an odd one. */
export function* oddResponses(examples: Example<HttpResponse>[]): Generator<HttpResponse> {
  for (let status = 100; status <= 599; status++) {
    for (const body of ODD_BODIES) yield { status, headers: {}, body };
    for (const value of ODD_RETRY_AFTER) yield { status, headers: { 'retry-after': value }, body: '{}' };
  }
  for (const { reply } of examples) {
    for (const body of variants(parse(reply.body))) yield { ...reply, body: JSON.stringify(body) };
    for (let end = 0; end < reply.body.length; end += 7) yield { ...reply, body: reply.body.slice(0, end) };
    yield { ...reply, headers: {} };
  }
}

function* variants(value: unknown): Generator<unknown> {
  yield* ODD_VALUES;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    for (const odd of variants(inner)) {
      yield Array.isArray(value) ? value.with(Number(name), odd) : { ...value, [name]: odd };
    }
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** An answer that quotes a secret wherever vendors put free text. */
export function quotingBodies(text: string): string[] {
  const said = { message: text, description: text, error_description: text, detail: text };
  return [text, JSON.stringify({ ...said, error: said, errors: [said] })];
}

const SMTP_TEXTS = [
  '',
  ' ',
  '5.1.1 User unknown',
  '-4.7.1\r\n',
  '\u0000\ufffd',
  'x'.repeat(LARGEST_BODY),
  '9.9.9 ?',
];
const SMTP_COMMANDS = ['CONN', 'EHLO', 'STARTTLS', 'AUTH PLAIN', 'MAIL FROM', 'RCPT TO', 'DATA', '', 'QUIT'];

/** https://nodemailer.com/errors, and what the operating system says. */
const FAULT_CODES = (
  'EAUTH ECONFIG ECONNECTION EDNS EENVELOPE EFETCH EFILEACCESS EMAXLIMIT EMAXRECIPIENTS EMESSAGE ENOAUTH EOAUTH2 ' +
  'EPROTOCOL EPROXY EREQUIRETLS ESENDMAIL ESES ESOCKET ESTREAM ETIMEDOUT ETLS EURLACCESS ' +
  'ECONNREFUSED ECONNRESET EHOSTUNREACH ENOTFOUND EPIPE SOMETHING_NEW'
).split(' ');

/** Each reply code of RFC 5321's shape with odd texts after each command, and each way to have no reply. */
export function* oddReplies(): Generator<SmtpReply> {
  for (let replyCode = 200; replyCode <= 599; replyCode++) {
    for (const command of SMTP_COMMANDS) {
      for (const text of SMTP_TEXTS) {
        yield { kind: 'refused', replyCode, reply: `${replyCode} ${text}`, command };
      }
    }
    for (const code of FAULT_CODES) yield { kind: 'fault', code, dataSent: false, replyCode, reply: '' };
  }
  for (const code of FAULT_CODES) {
    yield { kind: 'fault', code, dataSent: false };
    yield { kind: 'fault', code, dataSent: true };
  }
}
