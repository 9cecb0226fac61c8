import assert from 'node:assert/strict';
import { it } from 'node:test';
import { storedRequest } from './stored-request.ts';

it('a stored request that nothing of ours has written is an empty one, and a broken trace is none', () => {
  for (const odd of [null, undefined, 5, 'text', []]) assert.deepEqual(storedRequest(odd), {});
  const good = { message: { body: 'Hi' }, trace: '00-1', traceState: 'a=1' };
  assert.equal(storedRequest(good), good);
  const { trace, traceState, message } = storedRequest({ ...good, trace: 5, traceState: {} });
  assert.deepEqual([trace, traceState, message], [undefined, undefined, good.message]);
});
