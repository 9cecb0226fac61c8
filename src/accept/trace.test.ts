import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Problem } from '../http/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { BUILT_IN } from '../rules/index.ts';
import type { AcceptFact, Tracer } from '../telemetry/index.ts';
import { buildRow } from './request.ts';
import { traced } from './trace.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('what a trace tells about accepting', () => {
  async function tell(stored: (id: string) => Promise<string>): Promise<AcceptFact> {
    const clock = new FakeClock();
    const facts: AcceptFact[] = [];
    const trace = { trace: TRACE, traceState: 'a=1' };
    const body = { userId: 'ada', message: { title: 'Hello', body: 'World' }, priority: 'high' as const };
    const row = buildRow(body, undefined, {
      tenantId: 't',
      live: true,
      now: clock.now(),
      idempotencyMs: 1,
      categories: BUILT_IN,
      trace,
    });
    clock.advance(2);
    const waiting = stored(row.id);
    const tracer = { accepted: (fact: AcceptFact) => facts.push(fact) } as unknown as Tracer;
    const done = traced(waiting, { row, trace }, { tracer, clock }).catch((error) => error);
    clock.advance(7);
    const answer = await done;
    if (!(answer instanceof Error)) assert.equal(answer, facts[0]!.notificationId);
    assert.equal(facts.length, 1);
    const [fact] = facts as [AcceptFact];
    assert.deepEqual([fact.trace, fact.traceState, fact.urgent], [TRACE, 'a=1', true]);
    assert.deepEqual([fact.endedAt - fact.startedAt, fact.commitMs], [9, 7]);
    return fact;
  }
  const outcome = async (stored: (id: string) => Promise<string>) => {
    const fact = await tell(stored);
    return [fact.outcome, fact.failed];
  };

  it('is how long the commit was waited for, and whether an earlier request is answered again', async () => {
    assert.deepEqual(await outcome(async (id) => id), ['stored', false]);
    assert.deepEqual(await outcome(async () => 'the-first'), ['replayed', false]);
  });

  it('is the error, and whether it is ours', async () => {
    const fail = (error: Error) => () => Promise.reject(error);
    assert.deepEqual(await outcome(fail(new Problem('service.overloaded'))), ['service.overloaded', true]);
    assert.deepEqual(await outcome(fail(new Problem('idempotency.mismatch'))), [
      'idempotency.mismatch',
      false,
    ]);
    assert.deepEqual(await outcome(fail(new Error('a bug'))), ['service.internal', true]);
  });
});
