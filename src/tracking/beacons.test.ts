import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveVisited, type Visited } from '../../test/support/visited.ts';

describeStores('beacons', (store) => {
  let visited: Visited;
  before(async () => {
    visited = await serveVisited(store());
  });
  after(() => visited.close());
  const beacon = (payload: string | object, type = 'text/plain;charset=UTF-8') =>
    visited.ask({
      method: 'POST',
      url: '/v1/beacons',
      headers: { 'content-type': type },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });

  it('tell what became of a push: shown on a screen is delivered, and what is dismissed was seen', async () => {
    const { id, notification } = await visited.sent('webhook');
    const token = visited.addressOf(id, 'beacon');
    const { statusCode, headers } = await beacon({ token, event: 'shown' });
    assert.deepEqual([statusCode, headers['access-control-allow-origin']], [204, '*']);
    assert.equal(headers['access-control-allow-credentials'], undefined);
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['deliveredAt']);
    await beacon({ token, event: 'dismissed' }, 'application/json');
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['deliveredAt', 'openedAt']);
    await beacon({ token, event: 'clicked' });
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['deliveredAt', 'openedAt', 'clickedAt']);
    const items = await visited.view(notification);
    assert.deepEqual(
      items.map(({ kind, people }: Record<string, unknown>) => [kind, people]),
      [
        ['clicked', 1],
        ['dismissed', 1],
        ['shown', 1],
      ],
    );
  });

  it('of the inbox tell that it was seen when it is shown', async () => {
    const { id, notification } = await visited.sent('inbox');
    await beacon({ token: visited.addressOf(id, 'beacon'), event: 'shown' });
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['openedAt']);
  });

  it('are refused unless everything is as it should be, and a page can read why', async () => {
    const { id } = await visited.sent('inbox');
    const token = visited.addressOf(id, 'beacon');
    const refused: [payload: string | object, status: number, type?: string][] = [
      ['', 400],
      ['not json', 400],
      [{ token, event: 'bought' }, 400],
      [{ token, event: 'shown', more: 1 }, 400],
      [{ event: 'shown' }, 400],
      [`{"__proto__":{},"token":"${token}","event":"shown"}`, 400],
      [{ token: `${token}A`, event: 'shown' }, 404],
      [{ token: visited.addressOf(id, 'pixel').slice(3), event: 'shown' }, 404],
      [{ token, event: 'shown' }, 415, 'application/x-www-form-urlencoded'],
      [{ token, event: 'shown', more: 'x'.repeat(5_000) }, 413],
    ];
    for (const [payload, status, type] of refused) {
      const answer = await beacon(payload, type);
      assert.equal(answer.statusCode, status, JSON.stringify(payload).slice(0, 100));
      assert.equal(answer.headers['access-control-allow-origin'], '*');
    }
    const preflight = await visited.ask({ method: 'OPTIONS', url: '/v1/beacons' });
    assert.deepEqual(
      [preflight.statusCode, preflight.headers['access-control-allow-methods']],
      [204, 'POST'],
    );
  });
});
