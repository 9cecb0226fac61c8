import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TenantHooks } from '../hooks/index.ts';
import { makeClaimed } from '../hooks/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Content } from '../providers/index.ts';
import { sealedMark, sealedPlace } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { sealSecrets } from '../tenants/index.ts';
import { type ExchangeTools, exchange } from './exchange.ts';
import { Health } from './health.ts';
import { routeOf } from './route.ts';
import { fillSealed, hideSealed, openSealed } from './sealed-content.ts';

const MARK = sealedMark('code');

describe('sealed content', () => {
  it('is filled in wherever its mark stands, and nowhere else', () => {
    const content = {
      subject: `Code ${MARK}`,
      html: `<b>${MARK}</b> or ${MARK}`,
      data: { deep: [{ code: MARK }], n: 1, none: null },
      body: '[sealed:other]',
    } as unknown as Content;
    assert.deepEqual(fillSealed(content, { code: '$&123' }), {
      subject: 'Code $&123',
      html: '<b>$&123</b> or $&123',
      data: { deep: [{ code: '$&123' }], n: 1, none: null },
      body: '[sealed:other]',
    });
  });

  it('is hidden in what vendors say', () => {
    assert.equal(hideSealed('sent "123456 is" (123456)', { code: '123456' }), 'sent "*** is" (***)');
    assert.equal(hideSealed('sent', null), 'sent');
  });

  it('is opened for its own delivery, in one question for all', async () => {
    const dataKey = { version: 1, key: Buffer.alloc(32, 7) };
    const sealed = sealSecrets(dataKey, sealedPlace({ tenantId: 't', notificationId: 'n' }), { code: '1' });
    const asked: unknown[] = [];
    const seals = {
      open: async (_db: Queryable, wanted: readonly unknown[]) => {
        asked.push(wanted);
        return wanted.map((_, i) => (i === 0 ? { code: '1' } : null));
      },
    };
    const claimed = (id: string, request: object) => makeClaimed('t', { id, notificationId: 'n', request });
    const deliveries = [claimed('a', { sealed }), claimed('b', { sealed }), claimed('c', {})];
    const opened = await openSealed(null as never, seals, deliveries);
    assert.deepEqual([...opened], [['a', { code: '1' }]]);
    const place = { tenantId: 't', thing: 'notification/n', version: 1 };
    assert.deepEqual(asked, [
      [
        { place, sealed },
        { place, sealed },
      ],
    ]);
    await openSealed(null as never, seals, [claimed('c', {})]);
    assert.equal(asked.length, 1, 'most claims carry nothing sealed');
  });
});

describe('an exchange of sealed content', () => {
  const clock = new FakeClock();
  const tools = { clock, isAlive: () => true, callbackUrl: () => undefined } as unknown as ExchangeTools;
  const talk = (hooks: TenantHooks | null, sealed: Record<string, string> | null) => {
    const request = {
      message: { title: 'Code', body: `It is ${MARK}.` },
      sealed: { dataKey: 1, fields: {} },
    };
    const claimed = makeClaimed('t', { id: '1', channel: 'inbox', connection: 'inbox', request });
    const health = new Health(clock.now());
    return exchange({ claimed, health, route: routeOf(claimed, []), template: null, hooks, sealed }, tools);
  };

  it('shows hooks the mark, and what they write is filled in too', async () => {
    const seen: Content[] = [];
    const hooks: TenantHooks = {
      postSend: () => {},
      preSend: async (_claimed, { content }) => {
        seen.push(content);
        return { kind: 'send', content: { ...content, body: `Psst: ${MARK}` }, notes: [] };
      },
    };
    const sent = await talk(hooks, { code: '123456' });
    assert.equal(seen[0]!.body, `It is ${MARK}.`);
    assert.equal('inboxItem' in sent && sent.inboxItem!.body, 'Psst: 123456');
  });

  it('sends nothing when it does not open', async () => {
    const sent = await talk(null, null);
    assert.deepEqual('outcome' in sent && sent.outcome, {
      kind: 'rejected',
      reason: 'content_invalid',
      code: 'sealed_unreadable',
    });
  });
});
