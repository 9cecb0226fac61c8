import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import feishu from '../feishu.ts';
import { decrypt } from './events.ts';

const base = { appId: 'cli_a', appSecret: new Secret('s'), openLabel: 'Open' };
const encryptKey = new Secret('encryptkey');
const verificationToken = new Secret('v-token');
const NOW = 1_700_000_000_000;
const { verify, handshake, parse } = feishu.receipts!;

function post(body: object | string, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'POST', url: 'https://b.example/r', headers, body: Buffer.from(text) };
}

function sealed(event: object): { encrypt: string } {
  const iv = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update('encryptkey').digest(), iv);
  const parts = [iv, cipher.update(JSON.stringify(event)), cipher.final()];
  return { encrypt: Buffer.concat(parts).toString('base64') };
}

function signed(body: object, at = '1700000000') {
  const text = JSON.stringify(body);
  const signature = createHash('sha256').update(`${at}nonce123encryptkey${text}`).digest('hex');
  return post(text, {
    'x-lark-request-timestamp': at,
    'x-lark-request-nonce': 'nonce123',
    'x-lark-signature': signature,
  });
}

const READ = {
  schema: '2.0',
  header: { event_id: 'e1', event_type: 'im.message.message_read_v1', token: 'v-token' },
  event: { reader: { read_time: '1609484183000' }, message_id_list: ['om_1', 'om_2'] },
};

test('the vendor’s ciphertext opens with its key, and with no other', () => {
  const text = 'P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=';
  assert.equal(decrypt(text, new Secret('test key')), 'hello world');
  assert.notEqual(decrypt(text, new Secret('other key')), 'hello world');
  for (const broken of ['', 'AAAA', 'not base64!']) assert.equal(decrypt(broken, encryptKey), null);
});

test('the signature is the plain hash of time, nonce, key and raw body', () => {
  const headers = {
    'x-lark-request-timestamp': '1700000000',
    'x-lark-request-nonce': 'nonce123',
    'x-lark-signature': '289ba84b8cea58349f0fcf6ab59dc89c532c76edba454b328d3bbd49789b61cf',
  };
  const config = { ...base, encryptKey };
  const at = (request: ReturnType<typeof post>, now = NOW) => verify(request, config, { now });
  assert.equal(at(post('{"encrypt":"x"}', headers)), true);
  assert.equal(at(post('{"encrypt":"y"}', headers)), false);
  assert.equal(at(post('{"encrypt":"x"}', headers), NOW + 300_001), false);
  for (const missing of Object.keys(headers))
    assert.equal(at(post('{"encrypt":"x"}', { ...headers, [missing]: '' })), false);
});

test('without an encrypt key the verification token must be in the post', () => {
  const config = { ...base, verificationToken };
  assert.equal(verify(post(READ), config, { now: NOW }), true);
  const forged = { ...READ, header: { ...READ.header, token: 'x' } };
  assert.equal(verify(post(forged), config, { now: NOW }), false);
  assert.equal(verify(post(READ), base, { now: NOW }), false);
});

test('a read message is opened, once for each id', () => {
  const config = { ...base, encryptKey };
  const opened = (id: string) => ({
    event: 'opened',
    deliveryId: null,
    providerMessageId: id,
    at: 1_609_484_183_000,
    eventKey: `${id}:read`,
  });
  assert.deepEqual(parse(signed(sealed(READ)), config), [opened('om_1'), opened('om_2')]);
  assert.deepEqual(parse(signed(READ), config), [], 'what came in the clear beside a key');
  assert.deepEqual(parse(post(READ), { ...base, verificationToken }).length, 2);
  for (const event of [
    {},
    { header: { event_type: 'other' } },
    { ...READ, event: { message_id_list: [{}] } },
  ])
    assert.deepEqual(parse(signed(sealed(event)), config), []);
});

test('a trial is answered with its challenge, if it knows the token', () => {
  const trial = { type: 'url_verification', challenge: 'ajls384kdjx98XX', token: 'v-token' };
  const ask = (request: ReturnType<typeof post>, config: object, verified = false) =>
    handshake!(request, { ...base, ...config }, { now: NOW, verified })?.body ?? null;
  const yes = '{"challenge":"ajls384kdjx98XX"}';
  assert.equal(ask(post(trial), { verificationToken }), yes);
  assert.equal(ask(post(sealed(trial)), { verificationToken, encryptKey }), yes);
  assert.equal(ask(post(sealed(trial)), { encryptKey }), yes, 'only the vendor has the key');
  assert.equal(ask(post({ ...trial, token: 'x' }), { verificationToken }), null);
  assert.equal(ask(post(trial), {}), null);
  assert.equal(ask(post(READ), { verificationToken }), null);
});
