import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { deriveRecordKeys, encrypt, hkdf } from './encryption.ts';

const decode = (text: string) => Buffer.from(text, 'base64url');

test('the example of RFC 8291, section 5 comes out byte by byte', () => {
  const body = encrypt(
    Buffer.from('When I grow up, I want to be a watermelon'),
    {
      p256dh: decode(
        'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
      ),
      auth: decode('BTBZMqHH6r4Tts7J_aSIgg'),
    },
    {
      privateKey: decode('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
      salt: decode('DGv6ra1nlYgDCS1FRnbzlw'),
    },
  );
  assert.equal(
    Buffer.from(body!).toString('base64url'),
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_' +
      'yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  );
});

test('the keys between are those of RFC 8291, appendix A', () => {
  const { key, nonce } = deriveRecordKeys(
    decode('S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg'),
    decode('DGv6ra1nlYgDCS1FRnbzlw'),
  );
  assert.equal(Buffer.from(key).toString('base64url'), 'oIhVW04MRdy2XN9CiKLxTg');
  assert.equal(Buffer.from(nonce).toString('base64url'), '4h_95klXJ5E_qnoN');
});

test('a browser can read what was encrypted for it, up to the longest message', () => {
  for (const length of [0, 1, 500, 3_993]) {
    const browser = makeBrowser();
    const plaintext = randomBytes(length);
    const fresh = { privateKey: randomBytes(32), salt: randomBytes(16) };
    const body = encrypt(plaintext, browser.keys, fresh)!;
    assert.equal(body.length, 86 + length + 1 + 16);
    assert.deepEqual(browser.decrypt(body), plaintext);
  }
});

test('random bytes that are no private key are folded into one', () => {
  for (const byte of [0x00, 0xff]) {
    const browser = makeBrowser();
    const fresh = { privateKey: new Uint8Array(32).fill(byte), salt: randomBytes(16) };
    const body = encrypt(Buffer.from('x'), browser.keys, fresh)!;
    assert.equal(browser.decrypt(body).toString(), 'x');
  }
});

test('a key that is no point of the curve encrypts nothing', () => {
  const p256dh = new Uint8Array(65).fill(4);
  const fresh = { privateKey: randomBytes(32), salt: randomBytes(16) };
  assert.equal(encrypt(Buffer.from('x'), { p256dh, auth: randomBytes(16) }, fresh), null);
});

/** The other side, as RFC 8291 and 8188 tell it. */
function makeBrowser() {
  const pair = createECDH('prime256v1');
  const keys = { p256dh: pair.generateKeys(), auth: randomBytes(16) };
  function decrypt(body: Uint8Array): Buffer {
    const bytes = Buffer.from(body);
    assert.equal(bytes.readUInt32BE(16), 4_096);
    assert.equal(bytes[20], 65);
    const sender = bytes.subarray(21, 86);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), keys.p256dh, sender]);
    const material = hkdf(keys.auth, pair.computeSecret(sender), info, 32);
    const { key, nonce } = deriveRecordKeys(material, bytes.subarray(0, 16));
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAuthTag(bytes.subarray(-16));
    const record = Buffer.concat([decipher.update(bytes.subarray(86, -16)), decipher.final()]);
    assert.equal(record.at(-1), 2);
    return record.subarray(0, -1);
  }
  return { keys, decrypt };
}
