import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Access, type Caller, judgeCaller } from './index.ts';

const judge = (access: Partial<Access>, caller: Partial<Caller> = {}) =>
  judgeCaller(
    { mode: 'local', token: undefined, ...access },
    { address: '127.0.0.1', forwarded: false, authorization: undefined, ...caller },
  );

describe('who may read the metrics', () => {
  it('neighbours may, by default', () => {
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', '192.168.0.7', 'fd00::1', '::ffff:10.0.0.1'])
      assert.equal(judge({}, { address }), 'welcome', address);
  });

  it('the internet may not, in whichever form its address comes', () => {
    for (const address of ['8.8.8.8', '::ffff:8.8.8.8', '2a00:1450::1'])
      assert.equal(judge({}, { address }), 'hidden', address);
  });

  it('what a proxy forwards may not: its address is the proxy’s', () => {
    assert.equal(judge({}, { forwarded: true }), 'hidden');
  });

  it('all may when it is on, and nobody when it is off', () => {
    assert.equal(judge({ mode: 'on' }, { address: '8.8.8.8', forwarded: true }), 'welcome');
    assert.equal(
      judge({ mode: 'off', token: 'x'.repeat(16) }, { authorization: `Bearer ${'x'.repeat(16)}` }),
      'hidden',
    );
  });

  it('a token is wanted from everyone once there is one', () => {
    const token = 'a-token-of-the-metrics';
    assert.equal(judge({ token }), 'token-missing');
    assert.equal(judge({ token }, { authorization: 'Basic abc' }), 'token-missing');
    assert.equal(judge({ token }, { authorization: 'Bearer wrong' }), 'token-wrong');
    assert.equal(judge({ token }, { authorization: `Bearer ${token}` }), 'welcome');
    assert.equal(judge({ mode: 'on', token }, { address: '8.8.8.8' }), 'token-missing');
  });
});
