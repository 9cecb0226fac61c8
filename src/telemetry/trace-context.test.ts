import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uuidv7 } from '../lib/ids.ts';
import {
  callersTrace,
  formatTraceParent,
  isInSample,
  parseTraceParent,
  parseTraceState,
  spanIdOf,
  traceIdOf,
} from './trace-context.ts';

// The examples of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${SPAN}-01`;

describe("a caller's trace context", () => {
  it('is read when it keeps to the standard', () => {
    assert.deepEqual(parseTraceParent(SAMPLED), { traceId: TRACE, spanId: SPAN, sampled: true });
    assert.equal(parseTraceParent(`00-${TRACE}-${SPAN}-00`)?.sampled, false);
    assert.equal(parseTraceParent(`00-${TRACE}-${SPAN}-03`)?.sampled, true, 'an unknown flag is no obstacle');
    assert.equal(parseTraceParent(`cc-${TRACE}-${SPAN}-01`)?.traceId, TRACE, 'a later version');
    assert.equal(parseTraceParent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)?.traceId, TRACE);
  });

  it('is ignored when it does not', () => {
    const bad = [
      '',
      'nonsense',
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${TRACE}-${SPAN}-01.more`,
      `cc-${TRACE}-${SPAN}-01.more`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      ` ${SAMPLED}`,
      `${SAMPLED}\n`,
      `${SAMPLED}, ${SAMPLED}`,
      [SAMPLED],
      undefined,
    ];
    for (const text of bad) assert.equal(parseTraceParent(text), null, JSON.stringify(text));
    assert.equal(callersTrace({ traceparent: 'nonsense', tracestate: 'a=1' }), undefined);
    assert.equal(callersTrace({ tracestate: 'a=1' }), undefined);
  });

  it('is kept in the form of version 00, with its state', () => {
    assert.deepEqual(callersTrace({ traceparent: `cc-${TRACE}-${SPAN}-03-x`, tracestate: 'a=1 , b=2' }), {
      trace: SAMPLED,
      traceState: 'a=1,b=2',
    });
    assert.deepEqual(callersTrace({ traceparent: SAMPLED, tracestate: '=' }), { trace: SAMPLED });
    assert.equal(formatTraceParent({ traceId: TRACE, spanId: SPAN, sampled: false }).slice(-2), '00');
  });

  it('has a state of at most 32 members, each key once', () => {
    const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=v`).join(',');
    const good = ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'fw529a3039@dt=FfAK', members(32), 'a= b'];
    for (const text of good) assert.equal(parseTraceState(text), text);
    assert.equal(parseTraceState('a=1,,\tb=2 '), 'a=1,b=2');
    const bad = [
      '',
      ' , ',
      'a',
      'a=',
      'A=1',
      'a=1,a=2',
      'a=b=c',
      'a=é',
      members(33),
      `a=${'x'.repeat(511)}`,
      7,
    ];
    for (const text of bad) assert.equal(parseTraceState(text), undefined, String(text));
  });
});

describe('ids of traces and spans', () => {
  it("are the caller's, or follow from the notification's id", () => {
    const id = uuidv7(Date.UTC(2026, 10, 21));
    assert.equal(traceIdOf(id, SAMPLED), TRACE);
    assert.equal(traceIdOf(id, undefined), id.replaceAll('-', ''));
    assert.ok(parseTraceParent(`00-${traceIdOf(id, undefined)}-${spanIdOf(id, 'accept')}-00`));
    assert.equal(spanIdOf(id, 'accept'), spanIdOf(id, 'accept'));
    assert.notEqual(spanIdOf(id, 'accept'), spanIdOf(id, 'route'));
  });

  it('fall into the sample in the wanted share, the same ones everywhere', () => {
    const ids = Array.from({ length: 20_000 }, () => traceIdOf(uuidv7(Date.UTC(2026, 10, 21)), undefined));
    const share = (ratio: number) => ids.filter((id) => isInSample(id, ratio)).length / ids.length;
    assert.equal(share(0), 0);
    assert.equal(share(1), 1);
    // Six standard deviations of 20 000 throws.
    assert.ok(Math.abs(share(0.1) - 0.1) < 0.0128, `${share(0.1)}`);
    assert.ok(ids.filter((id) => isInSample(id, 0.1)).every((id) => isInSample(id, 0.2)));
  });
});
