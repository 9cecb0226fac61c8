import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import {
  accepted,
  type HttpProvider,
  type HttpRequest,
  type HttpResponse,
  type Part,
  type Provider,
  rejected,
  retry,
} from '../providers/index.ts';
import webhook from '../providers/webhook/webhook.ts';
import { JointRequests } from './joint-requests.ts';
import type { Route } from './route.ts';
import type { Sent } from './transport/index.ts';

const fixture: HttpProvider = {
  ...(webhook as Provider as HttpProvider),
  request: (message, _config, { deliveryId }) => ({
    method: 'POST',
    url: 'https://a.example/one',
    headers: {},
    body: JSON.stringify([deliveryId, message.userId]),
  }),
  classify: ({ body }) => accepted(body),
  batch: {
    max: 3,
    inFlight: 1,
    payloadBytes: 60,
    key: ({ category }) => category,
    request: (parts) => ({
      method: 'POST',
      url: 'https://a.example/many',
      headers: {},
      body: JSON.stringify(parts.map(({ message }) => message.userId)),
    }),
    classify: ({ body }, parts) =>
      parts.map(({ message }) => (message.userId === 'bad' ? rejected('recipient_invalid') : accepted(body))),
  },
};

function setUp(answer: (request: HttpRequest) => Promise<Sent<HttpResponse>>, provider = fixture) {
  const requests: string[] = [];
  const joint = new JointRequests(
    {
      sendHttp: (_provider, request) => {
        requests.push(`${String(request.url).slice(18)} ${request.body}`);
        return answer(request);
      },
    },
    new FakeClock(),
  );
  const send = (userId: string, { key = 'news', connection = 'c', isOurs = (): boolean => true } = {}) =>
    joint.send({
      provider,
      route: { key: connection, config: {} } as Route,
      key,
      isOurs,
      message: {
        channel: 'webhook',
        recipient: { address: '' },
        content: {},
        priority: 'low',
        category: key,
        userId,
      },
      context: { now: 0, random: () => new Uint8Array(), deliveryId: `d-${userId}`, baseUrl: '' },
    });
  return { requests, send };
}

const reply = (body: string): Sent<HttpResponse> => ({
  kind: 'reply',
  reply: { status: 200, headers: {}, body },
});

describe('requests for several messages', () => {
  it('hold what arrived together, up to what the vendor takes, and one alone is one', async () => {
    const { requests, send } = setUp(async () => reply('ok'));
    const arrivals = await Promise.all(['1', '2', 'bad', '4'].map((user) => send(user)));
    assert.deepEqual(requests, ['many ["1","2","bad"]', 'one ["d-4","4"]']);
    const outcomes = arrivals.map(
      (arrival) =>
        arrival !== 'left behind' && 'outcome' in arrival && [arrival.outcome.kind, arrival.together],
    );
    assert.deepEqual(outcomes, [
      ['accepted', 3],
      ['accepted', 3],
      ['rejected', 3],
      ['accepted', 1],
    ]);
  });

  it('grow while others are under way, and nothing waits for company', async () => {
    const first = Promise.withResolvers<Sent<HttpResponse>>();
    let n = 0;
    const { requests, send } = setUp(() => (n++ === 0 ? first.promise : Promise.resolve(reply('ok'))));
    const alone = send('1');
    while (requests.length === 0) await new Promise(setImmediate);
    const others = ['2', '3'].map((user) => send(user));
    await new Promise(setImmediate);
    assert.deepEqual(requests, ['one ["d-1","1"]']);
    first.resolve(reply('ok'));
    await Promise.all([alone, ...others]);
    assert.deepEqual(requests.slice(1), ['many ["2","3"]']);
  });

  it('leave behind what others took over while it waited', async () => {
    const first = Promise.withResolvers<Sent<HttpResponse>>();
    let n = 0;
    let isAlive = true;
    const { requests, send } = setUp(() => (n++ === 0 ? first.promise : Promise.resolve(reply('ok'))));
    const alone = send('1');
    while (requests.length === 0) await new Promise(setImmediate);
    const lost = send('2', { isOurs: () => isAlive });
    const kept = send('3');
    isAlive = false;
    first.resolve(reply('ok'));
    const arrivals = await Promise.all([alone, lost, kept]);
    assert.deepEqual(requests, ['one ["d-1","1"]', 'one ["d-3","3"]']);
    assert.deepEqual(
      arrivals.map((arrival) => typeof arrival),
      ['object', 'string', 'object'],
    );
  });

  it('never mix connections or keys', async () => {
    const { requests, send } = setUp(async () => reply('ok'));
    await Promise.all([send('1'), send('2', { key: 'offers' }), send('3', { connection: 'other' })]);
    assert.deepEqual(
      requests.map((request) => request.slice(0, 4)),
      ['one ', 'one ', 'one '],
    );
  });

  it('are halved when they are too large', async () => {
    const { requests, send } = setUp(async () => reply('ok'));
    await Promise.all(['a', 'b', 'c'].map((user) => send(user.repeat(25))));
    assert.deepEqual(
      requests.map((request) => request.split(' ')[0]),
      ['one', 'many'],
    );
  });

  it('go again at once without those for whose sake others were sent back', async () => {
    const isBad = ({ message }: Part) => message.userId.startsWith('bad');
    const strict: HttpProvider = {
      ...fixture,
      batch: {
        ...fixture.batch!,
        // All or nothing, and it names only the first that is wrong.
        classify: ({ body }, parts) => {
          const first = parts.findIndex(isBad);
          if (first < 0) return parts.map(() => accepted(body));
          return parts.map((_part, i) =>
            i === first ? rejected('recipient_invalid') : retry('request_invalid'),
          );
        },
      },
    };
    const { requests, send } = setUp(async () => reply('ok'), strict);
    const arrivals = await Promise.all(['bad1', '2', 'bad3', '4', '5', '6'].map((user) => send(user)));
    assert.deepEqual(
      arrivals.map((arrival) => typeof arrival === 'object' && 'outcome' in arrival && arrival.outcome.kind),
      ['rejected', 'accepted', 'rejected', 'accepted', 'accepted', 'accepted'],
    );
    assert.equal(requests.filter((request) => request.includes('2')).length, 3);
    assert.equal(requests.filter((request) => request.includes('bad1')).length, 1);
  });

  it('mean the same for all of their messages when there is no answer', async () => {
    const fault = {
      kind: 'fault',
      outcome: { kind: 'unknown', reason: 'timeout' },
      detail: 'no answer',
    } as never;
    const { send } = setUp(async () => fault);
    const arrivals = await Promise.all([send('1'), send('2')]);
    assert.deepEqual(arrivals, [{ sent: fault }, { sent: fault }]);
  });
});
