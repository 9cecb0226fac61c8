import assert from 'node:assert/strict';
import { it } from 'node:test';
import { liveCandidates, testCandidates } from './candidates.ts';

it('a chat that writes to contacts of a kind of its own does so for test keys too', () => {
  const connection = {
    tenantId: 't',
    id: 'line',
    updatedAt: 0,
    providerId: 'http-chat',
    channel: 'chat' as const,
    priority: 3,
    weight: 1,
    app: null,
    countries: null,
    contactKind: 'line',
  };
  const [live] = liveCandidates([connection]);
  const simulated = testCandidates([connection]).find(({ id }) => id === 'test.http-chat');
  assert.deepEqual(
    [live, simulated].map((candidate) => [candidate?.contactKind, candidate?.priority]),
    [
      ['line', 3],
      ['line', 3],
    ],
  );
});
