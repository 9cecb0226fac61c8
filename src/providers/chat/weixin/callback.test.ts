import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import { answerTrial, isAuthentic, readPost } from './callback.ts';
import { call, callbackToken, encodingAesKey, NOW, plainPost, seal, securePost } from './testing.ts';

const plain = { token: callbackToken, encodingAesKey: undefined, receiveId: 'wx1234567890abcdef' };
const secure = { ...plain, encodingAesKey };
const XML = '<xml><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event></xml>';
const EVENT = { MsgType: 'event', Event: 'subscribe' };
const copy = (value: object | null) => value && JSON.parse(JSON.stringify(value));

/** Made with the token `mytoken`, the moment 1700000000 and the nonce `nonce123`. */
const VECTOR = '92c6ae13d2a6d87303dddafd15f9e906ef503790';
const trial = (query: Record<string, string>) => call('GET', query, '', '1700000000');

test('a trial of the address gets back its text, if it is signed', () => {
  const signed = trial({ signature: VECTOR, echostr: '5577006791947779410' });
  assert.equal(isAuthentic(signed, plain, NOW), true);
  assert.deepEqual(answerTrial(signed, plain, true), {
    contentType: 'text/plain',
    body: '5577006791947779410',
  });
  assert.equal(answerTrial(signed, plain, false), null);
  for (const signature of ['', VECTOR.replace('9', '8')])
    assert.equal(isAuthentic(trial({ echostr: '1', signature }), plain, NOW), false);
  assert.equal(isAuthentic(trial({ echostr: '1' }), plain, NOW), false);
});

test('in secure mode too WeChat signs the trial plainly', () => {
  const signed = trial({ signature: VECTOR, echostr: '1' });
  assert.equal(isAuthentic(signed, secure, NOW), true);
  assert.equal(answerTrial(signed, secure, true)?.body, '1');
});

test('a trial that is encrypted gets back the text within', () => {
  const { encrypted, signature } = seal('1616140317555161061', secure.receiveId);
  const signed = call('GET', { msg_signature: signature, echostr: encrypted });
  assert.equal(isAuthentic(signed, secure, NOW), true);
  assert.equal(answerTrial(signed, secure, true)?.body, '1616140317555161061');
  assert.equal(answerTrial(signed, { ...secure, receiveId: 'another' }, true), null);
  const other = call('GET', { msg_signature: signature, echostr: seal('2', secure.receiveId).encrypted });
  assert.equal(isAuthentic(other, secure, NOW), false);
});

test('a plain signature opens no ciphertext', () => {
  const echostr = seal('a post that somebody overheard', secure.receiveId).encrypted;
  for (const msg_signature of ['x', '']) {
    const forged = trial({ signature: VECTOR, msg_signature, echostr });
    assert.equal(isAuthentic(forged, secure, NOW), false);
    assert.equal(answerTrial(forged, secure, isAuthentic(forged, secure, NOW)), null);
  }
});

test('a plus that became a space in the query is a plus', () => {
  const { encrypted, signature } = seal('success', secure.receiveId);
  assert.ok(encrypted.includes('+'), 'the vector');
  const request = call('GET', { msg_signature: signature });
  const spaced = { ...request, url: `${request.url}&echostr=${encrypted}` };
  assert.equal(isAuthentic(spaced, secure, NOW), true);
  assert.equal(answerTrial(spaced, secure, true)?.body, 'success');
});

test('posts are no trials, and a trial without a text is none', () => {
  assert.equal(answerTrial(plainPost(XML), plain, true), null);
  assert.equal(answerTrial(trial({ signature: VECTOR }), plain, true), null);
});

test('a plain post is read, as XML and as JSON', () => {
  for (const body of [XML, JSON.stringify(EVENT)]) {
    assert.equal(isAuthentic(plainPost(body), plain, NOW), true);
    assert.deepEqual(copy(readPost(plainPost(body), plain)), EVENT);
  }
});

test('a plain post serves for a quarter of an hour: its signature says nothing of its text', () => {
  assert.equal(isAuthentic(plainPost(XML), plain, NOW + 14 * 60_000), true);
  assert.equal(isAuthentic(plainPost(XML), plain, NOW + 16 * 60_000), false);
  assert.equal(isAuthentic(plainPost(XML), plain, NOW - 16 * 60_000), false);
  assert.equal(isAuthentic(plainPost(XML, 'soon'), plain, NOW), false);
});

test('an encrypted post is read, as XML and as JSON', () => {
  for (const text of [XML, JSON.stringify(EVENT)]) {
    const post = securePost(text, secure.receiveId);
    assert.equal(isAuthentic(post, secure, NOW), true);
    assert.deepEqual(copy(readPost(post, secure)), EVENT);
  }
});

test('an encrypted post serves as long', () => {
  const post = securePost(XML, secure.receiveId);
  assert.equal(isAuthentic(post, secure, NOW + 14 * 60_000), true);
  assert.equal(isAuthentic(post, secure, NOW + 16 * 60_000), false);
});

test('with a key, posts that are not encrypted are refused, however they are signed', () => {
  assert.equal(isAuthentic(plainPost(XML), secure, NOW), false);
  assert.equal(readPost(plainPost(XML), secure), null);
});

test('a post whose ciphertext was changed, or is for another, is refused', () => {
  const post = securePost(XML, secure.receiveId);
  const text = Buffer.from(post.body).toString();
  const changed = {
    ...post,
    body: Buffer.from(text.replace('CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[', '$&A')),
  };
  assert.equal(isAuthentic(changed, secure, NOW), false);
  assert.equal(isAuthentic(post, { ...secure, receiveId: 'another' }, NOW), false);
  assert.equal(readPost(post, { ...secure, receiveId: 'another' }), null);
});

test('nothing is believed without a token, or with another', () => {
  for (const token of [undefined, new Secret('other')]) {
    assert.equal(isAuthentic(plainPost(XML), { ...plain, token }, NOW), false);
    assert.equal(isAuthentic(securePost(XML, secure.receiveId), { ...secure, token }, NOW), false);
  }
});
