import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { decryptText, encryptText, isSignedParts, signParts } from './wechat-crypt.ts';

const token = new Secret('mytoken');
const encodingAesKey = new Secret('abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE');
const receiveId = 'wx1234567890abcdef';
const random = Buffer.from('0123456789abcdef');
const receiver = { encodingAesKey, receiveIds: [receiveId] };
const CIPHER = 'Q3stYC6hdFzMh9T8HCvyDNc4sLDOGvibS3uNmoy+d4zMYV494JNu3PikufTDziI9Qzj15n+RKnOPSqf7sOygNg==';

test('a plain post is signed over token, timestamp and nonce', () => {
  const signature = '92c6ae13d2a6d87303dddafd15f9e906ef503790';
  assert.equal(signParts(token, '1700000000', 'nonce123'), signature);
  assert.ok(isSignedParts(signature, token, '1700000000', 'nonce123'));
});

test('an encrypted post is signed over its ciphertext too', () => {
  const signature = 'e76a2c6a0d96d853706bfa67a2c09c2d4453cae1';
  assert.equal(signParts(token, '1700000000', 'nonce123', CIPHER), signature);
  assert.ok(isSignedParts(signature, token, '1700000000', 'nonce123', CIPHER));
});

test('a signature of other parts, none, or of parts that are missing does not verify', () => {
  const signature = signParts(token, '1700000000', 'nonce123');
  assert.equal(isSignedParts(signature, token, '1700000001', 'nonce123'), false);
  assert.equal(isSignedParts(signature, new Secret('other'), '1700000000', 'nonce123'), false);
  assert.equal(isSignedParts(signature, token, '1700000000nonce123', null), false);
  assert.equal(isSignedParts(signature.slice(1), token, '1700000000', 'nonce123'), false);
  for (const given of [null, '']) assert.equal(isSignedParts(given, token, '1700000000', 'nonce123'), false);
});

test('a text is encrypted and read as the vendor does it', () => {
  assert.equal(encryptText('success', { encodingAesKey, receiveId, random }), CIPHER);
  assert.equal(decryptText(CIPHER, receiver), 'success');
  assert.equal(decryptText(CIPHER, { encodingAesKey, receiveIds: ['ww1', receiveId] }), 'success');
});

test('texts of every length, and of more than ASCII, come back', () => {
  for (const length of [0, 1, 8, 9, 10, 31, 32, 33, 5_000]) {
    const text = '微'.repeat(length);
    assert.equal(decryptText(encryptText(text, { encodingAesKey, receiveId, random }), receiver), text);
  }
});

test('what was made for another receiver is not read', () => {
  for (const receiveIds of [[], ['wx1234567890abcde'], ['successwx1234567890abcdef']])
    assert.equal(decryptText(CIPHER, { encodingAesKey, receiveIds }), null);
});

test('what another key made, what was cut and what is no ciphertext is null', () => {
  const other = new Secret(`b${encodingAesKey.reveal().slice(1)}`);
  assert.equal(decryptText(CIPHER, { ...receiver, encodingAesKey: other }), null);
  assert.equal(decryptText(CIPHER, { ...receiver, encodingAesKey: new Secret('short') }), null);
  // Less only the "==" at its end, it is whole.
  for (let length = 0; length < CIPHER.length - 2; length++)
    assert.equal(decryptText(CIPHER.slice(0, length), receiver), null, `${length}`);
  for (const text of ['', '!', '\u0000', 'AAAA', 'A'.repeat(65_536)])
    assert.equal(decryptText(text, receiver), null);
});

/** What the key makes of bytes as they are: only who has it can make such posts, by a mistake. */
function encryptBytes(...parts: Uint8Array[]): string {
  const key = Buffer.from(`${encodingAesKey.reveal()}=`, 'base64');
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.concat(parts)), cipher.final()]).toString('base64');
}

test('a length or a padding beyond the bytes that are there is null', () => {
  const block = (last: number) => Buffer.alloc(32, last);
  const length = (value: number) => Buffer.from(Uint32Array.of(value).buffer).reverse();
  for (const value of [17, 2 ** 31, 2 ** 32 - 1])
    assert.equal(
      decryptText(encryptBytes(random, length(value), Buffer.alloc(12, 'x'), block(32)), receiver),
      null,
    );
  for (const padding of [0, 33, 255])
    assert.equal(decryptText(encryptBytes(random, Buffer.alloc(16, padding)), receiver), null);
  assert.equal(decryptText(encryptBytes(Buffer.alloc(16, 16)), receiver), null);
});
