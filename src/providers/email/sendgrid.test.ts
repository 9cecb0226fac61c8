import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { conformance } from '../conformance.ts';
import type { Receipt } from '../contract.ts';
import { DELIVERY, mailOf, NOW, posted } from './mail/testing.ts';
import sendgrid from './sendgrid.ts';

const own = { apiKey: new Secret('SG.key'), from: 'Acme, Inc <news@acme.org>' };

conformance(sendgrid, {
  golden: [
    {
      name: 'text before HTML, the pair of headers, our delivery in the custom arguments',
      message: mailOf(),
      config: own,
      expected: {
        method: 'POST',
        url: 'https://api.sendgrid.com/v3/mail/send',
        headers: {
          authorization: 'Bearer SG.key',
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body: {
          personalizations: [
            { to: [{ email: 'ann@example.org' }], custom_args: { bellhop_delivery: DELIVERY } },
          ],
          from: { email: 'news@acme.org', name: 'Acme, Inc' },
          reply_to: { email: 'help@acme.org' },
          subject: 'Your parcel',
          content: [
            { type: 'text/plain', value: 'It is here' },
            { type: 'text/html', value: '<p>It is <b>here</b></p>' },
          ],
          headers: {
            'Auto-Submitted': 'auto-generated',
            'List-Unsubscribe': '<https://acme.org/u/1>',
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          },
        },
      },
    },
    {
      name: 'settings and passthrough; reserved headers are left out',
      message: mailOf({
        text: 'Hi',
        headers: { 'X-SG-EID': 'x' },
        passthrough: { sendgrid: { categories: ['orders'], asm: { groups_to_display: [7, 8] } } },
      }),
      config: { ...own, ipPool: 'main', unsubscribeGroup: 7, sandbox: true },
      context: { baseUrl: 'https://api.eu.sendgrid.com' },
      expected: {
        url: 'https://api.eu.sendgrid.com/v3/mail/send',
        body: {
          personalizations: [
            { to: [{ email: 'ann@example.org' }], custom_args: { bellhop_delivery: DELIVERY } },
          ],
          from: { email: 'news@acme.org', name: 'Acme, Inc' },
          subject: '',
          content: [
            { type: 'text/plain', value: 'Hi' },
            { type: 'text/html', value: '<p>Hi</p>' },
          ],
          headers: { 'Auto-Submitted': 'auto-generated' },
          ip_pool_name: 'main',
          asm: { group_id: 7, groups_to_display: [7, 8] },
          mail_settings: { sandbox_mode: { enable: true } },
          categories: ['orders'],
        },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- answers

test('the reset header of a 429 says how long to wait, within an hour', () => {
  const after = (reset: string) => {
    const headers = { 'x-ratelimit-reset': reset };
    const outcome = sendgrid.classify({ status: 429, headers, body: '' }, { now: NOW });
    assert.equal(outcome.kind, 'retry');
    return 'afterMs' in outcome && outcome.afterMs;
  };
  assert.equal(after(String(NOW / 1000 + 20)), 20_000);
  for (const odd of [String(NOW / 1000 - 20), String(NOW / 1000 + 9_999), 'soon', '']) {
    assert.equal(after(odd), 1_000, odd);
  }
});

// ---------------------------------------------------------------------------------------------- receipts

// SendGrid publishes no vector with its private key: the pair is made here, as the signature is there.
const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const der = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64');
const config = { ...sendgrid.testConfig(), webhookPublicKey: der(pair.publicKey) };
const RAW = '[{"event":"delivered"}]\r\n';
const TIME = '1700000000';

function signed(body = RAW, signature = sign('sha256', Buffer.from(TIME + RAW), pair.privateKey)) {
  return posted(body, {
    'x-twilio-email-event-webhook-signature': signature.toString('base64'),
    'x-twilio-email-event-webhook-timestamp': TIME,
  });
}
const verify = (request: ReturnType<typeof signed>, settings: { webhookPublicKey?: string } = config) =>
  sendgrid.receipts!.verify(request, { ...config, ...settings }, { now: NOW });

test('the raw bytes verify by the public key of the account', () => {
  assert.equal(verify(signed()), true);
});

test('other bytes, another time, another key or none do not verify', () => {
  assert.equal(verify(signed(RAW.trim())), false);
  const later = signed();
  later.headers['x-twilio-email-event-webhook-timestamp'] = '1700000001';
  assert.equal(verify(later), false);
  assert.equal(verify(signed(RAW, Buffer.from('none'))), false);
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
  assert.equal(verify(signed(), { webhookPublicKey: der(other) }), false);
  assert.equal(verify(signed(), { webhookPublicKey: undefined }), false);
  assert.equal(verify(signed(), { webhookPublicKey: 'A'.repeat(80) }), false);
});

const suppress = { effect: { type: 'suppress-contact' } } as const;
const base = {
  email: 'ann@example.org',
  timestamp: 1_700_000_000,
  sg_message_id: '14c5d75ce93dfd42.filter0001.16648.5515E0B88.0',
  sg_event_id: 'e1',
  bellhop_delivery: DELIVERY,
};
const read = (event: object): Partial<Receipt>[] =>
  sendgrid
    .receipts!.parse(posted([{ ...base, ...event }]), config)
    .map(({ event: name, reason, effect, code }) => ({
      event: name,
      ...(reason && { reason }),
      ...(effect && { effect }),
      ...(code && { code }),
    }));

test('an event names our delivery, the id of the answer, its time and its own id', () => {
  assert.deepEqual(sendgrid.receipts!.parse(posted([{ ...base, event: 'delivered' }]), config), [
    {
      event: 'delivered',
      deliveryId: DELIVERY,
      providerMessageId: '14c5d75ce93dfd42',
      at: 1_700_000_000_000,
      eventKey: 'e1',
    },
  ]);
});

test('each event is told in our words', () => {
  const table: [object, Partial<Receipt>][] = [
    [{ event: 'processed' }, { event: 'queued' }],
    [{ event: 'deferred', response: '400 try again later', attempt: '5' }, { event: 'delayed' }],
    [{ event: 'open', sg_machine_open: true }, { event: 'opened' }],
    [{ event: 'click', url: 'https://acme.org' }, { event: 'clicked' }],
    [{ event: 'spamreport' }, { event: 'complained', reason: 'recipient_opted_out', ...suppress }],
    [{ event: 'unsubscribe' }, { event: 'unsubscribed', reason: 'recipient_opted_out', ...suppress }],
    [{ event: 'group_unsubscribe' }, { event: 'unsubscribed', reason: 'recipient_opted_out' }],
    [
      { event: 'bounce', type: 'bounce', bounce_classification: 'Invalid Address', status: '5.1.1' },
      { event: 'bounced', reason: 'recipient_invalid', code: '5.1.1', ...suppress },
    ],
    [
      { event: 'bounce', type: 'bounce', bounce_classification: 'Mailbox Unavailable' },
      { event: 'bounced', reason: 'recipient_unreachable' },
    ],
    [
      { event: 'bounce', type: 'bounce', bounce_classification: 'Reputation' },
      { event: 'bounced', reason: 'content_refused' },
    ],
    [
      { event: 'bounce', type: 'blocked' },
      { event: 'bounced', reason: 'content_refused' },
    ],
    [
      { event: 'dropped', reason: 'Bounced Address' },
      { event: 'failed', reason: 'recipient_invalid', ...suppress },
    ],
    [
      { event: 'dropped', reason: 'Spam Reporting Address' },
      { event: 'failed', reason: 'recipient_opted_out', ...suppress },
    ],
    [
      { event: 'dropped', reason: 'Unsubscribed Address' },
      { event: 'failed', reason: 'recipient_opted_out', ...suppress },
    ],
    [
      { event: 'dropped', reason: 'Recipient List over Package Quota' },
      { event: 'failed', reason: 'quota_exhausted' },
    ],
    [
      { event: 'dropped', reason: 'new one' },
      { event: 'failed', reason: 'provider_error' },
    ],
  ];
  for (const [event, expected] of table) assert.deepEqual(read(event), [expected], JSON.stringify(event));
});

test('a batch keeps what it can use, and what is none of ours is ignored', () => {
  const events = [
    { ...base, event: 'account_status_change' },
    null,
    'x',
    { event: 'delivered' },
    { ...base, event: 'delivered', bellhop_delivery: undefined, timestamp: 'soon' },
    { ...base, event: 'open', sg_event_id: 'e2' },
  ];
  const receipts = sendgrid.receipts!.parse(posted(events), config);
  assert.deepEqual(
    receipts.map(({ event, deliveryId, at }) => [event, deliveryId, at]),
    [
      ['delivered', null, null],
      ['opened', DELIVERY, 1_700_000_000_000],
    ],
  );
});

test('one mail to many names each recipient with headers and delivery of its own', () => {
  const context = { now: NOW, random: (n: number) => new Uint8Array(n), baseUrl: sendgrid.baseUrl };
  const to = (address: string, headers: Record<string, string>) => {
    const mail = mailOf({ html: '<p>Hi</p>', headers });
    return { ...mail, recipient: { address } };
  };
  const [ann, bob] = [to('ann@example.org', { 'X-Of': 'ann' }), to('bob@example.org', { 'X-Of': 'bob' })];
  const { key, request, classify } = sendgrid.batch!;
  assert.equal(key(ann, own), key(bob, own));
  assert.notEqual(key(ann, own), key({ ...bob, content: { ...bob.content, html: '<p>Ho</p>' } }, own));
  assert.equal(key(mailOf({ passthrough: { sendgrid: { categories: ['x'] } } }), own), null);
  const parts = [ann, bob].map((message, i) => ({ message, context: { ...context, deliveryId: `d${i}` } }));
  const { personalizations, headers } = JSON.parse(String(request(parts, own).body));
  const auto = { 'Auto-Submitted': 'auto-generated' };
  assert.deepEqual(personalizations, [
    {
      to: [{ email: 'ann@example.org' }],
      headers: { ...auto, 'X-Of': 'ann' },
      custom_args: { bellhop_delivery: 'd0' },
    },
    {
      to: [{ email: 'bob@example.org' }],
      headers: { ...auto, 'X-Of': 'bob' },
      custom_args: { bellhop_delivery: 'd1' },
    },
  ]);
  assert.equal(headers, undefined);
  const refused = { errors: [{ message: 'no address', field: 'personalizations.1.to.0.email', help: null }] };
  const reply = { status: 400, headers: {}, body: JSON.stringify(refused) };
  const [first, second] = classify(reply, parts, { now: NOW });
  assert.deepEqual(first, {
    kind: 'retry',
    reason: 'request_invalid',
    scope: 'message',
    code: '400',
    afterMs: 0,
  });
  assert.equal(second?.kind === 'rejected' && second.effect?.type, 'suppress-contact');
  const header = {
    errors: [{ message: 'reserved', field: 'personalizations.0.headers.received', help: null }],
  };
  const [its, others] = classify({ ...reply, body: JSON.stringify(header) }, parts, { now: NOW });
  assert.deepEqual(
    [its, others].map((outcome) => [outcome?.kind, outcome?.kind === 'rejected' && outcome.effect]),
    [
      ['rejected', undefined],
      ['retry', false],
    ],
  );
});
