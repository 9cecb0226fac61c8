import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { previewHeader, startSimulator } from './fixture.ts';

interface ServerEvent {
  id?: string;
  event: string;
  data: unknown;
}

async function openStream(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(url, { headers, signal: abort.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  return { events: eventsOf(response), end: () => abort.abort() };
}

async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s)));
      if (fields.event) yield { ...fields, event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

async function nextOf(events: AsyncGenerator<ServerEvent>, name: string): Promise<ServerEvent> {
  for (;;) {
    const { value, done } = await events.next();
    assert.ok(!done, 'the stream ended');
    if (value.event === name) return value;
  }
}

const idsOf = ({ data }: ServerEvent) => (data as { id: number }[]).map(({ id }) => id);

async function send(origin: string) {
  const headers = { 'x-bellhop-preview': previewHeader({}) };
  await fetch(`${origin}/pushery/x`, { method: 'POST', headers });
}

test('a stream begins with what is there and goes on with what is new', async (t) => {
  const { origin, pageOrigin, mailbox } = await startSimulator(t);
  await send(origin);
  const { events } = await openStream(t, `${pageOrigin}/simulator/api/stream`);
  assert.deepEqual(idsOf(await nextOf(events, 'messages')), [1]);
  await send(origin);
  assert.deepEqual(idsOf(await nextOf(events, 'messages')), [2]);
  mailbox.clear();
  assert.equal((await nextOf(events, 'cleared')).data, null);
});

test('a browser that reconnects gets what it missed, and everything when another process answers', async (t) => {
  const { origin, pageOrigin } = await startSimulator(t);
  await send(origin);
  const first = await openStream(t, `${pageOrigin}/simulator/api/stream`);
  const { id } = await nextOf(first.events, 'messages');
  first.end();
  await send(origin);
  const second = await openStream(t, `${pageOrigin}/simulator/api/stream`, { 'last-event-id': id! });
  assert.deepEqual(idsOf(await nextOf(second.events, 'messages')), [2]);
  const other = await openStream(t, `${pageOrigin}/simulator/api/stream`, { 'last-event-id': 'other.2' });
  assert.equal((await nextOf(other.events, 'cleared')).data, null);
  assert.deepEqual(idsOf(await nextOf(other.events, 'messages')), [1, 2]);
});

test('many messages come in few portions', async (t) => {
  const { origin, pageOrigin } = await startSimulator(t);
  const { events } = await openStream(t, `${pageOrigin}/simulator/api/stream`);
  await nextOf(events, 'faults');
  await Promise.all(Array.from({ length: 200 }, () => send(origin)));
  const ids: number[] = [];
  let portions = 0;
  while (ids.length < 200) {
    ids.push(...idsOf(await nextOf(events, 'messages')));
    portions++;
  }
  assert.deepEqual(
    ids,
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  assert.ok(portions < 100, `${portions} portions`);
});

test('changed faults reach every open page', async (t) => {
  const { pageOrigin, faults } = await startSimulator(t);
  const { events } = await openStream(t, `${pageOrigin}/simulator/api/stream`);
  await nextOf(events, 'faults');
  faults.set({ all: { latencyMs: 5, jitterMs: 0, mix: {} } });
  const { data } = await nextOf(events, 'faults');
  assert.equal((data as { all: { latencyMs: number } }).all.latencyMs, 5);
});

test('the number of open streams is bounded', async (t) => {
  const { pageOrigin } = await startSimulator(t);
  const url = `${pageOrigin}/simulator/api/stream`;
  const open = await Promise.all(Array.from({ length: 32 }, () => openStream(t, url)));
  const refused = await fetch(url);
  assert.equal(refused.status, 503);
  await refused.body?.cancel();
  open[0]!.end();
});
