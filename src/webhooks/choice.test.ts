import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { useWebhooks } from '../../test/support/webhooks.ts';
import { type HookPeer, say } from '../hooks/testing.ts';
import { insertNotification } from '../ledger/testing.ts';
import { makeTenant } from '../tenants/testing.ts';

describeStores('what webhook endpoints choose', (store) => {
  const scene = useWebhooks(store);

  it('tells each endpoint what it chose', async () => {
    const heard = new Map<string, string[]>();
    scene.peer.answer = (response, { headers, event: { type, data } }) => {
      const to = String(headers['x-who']);
      heard.set(to, [...(heard.get(to) ?? []), `${type} ${data.name}`]);
      say({})(response);
    };
    const put = (id: string, rest: object) =>
      scene.put(id, { url: scene.peer.url, headers: { 'X-Who': id }, ...rest });
    await put('all', {});
    await put('noun', { types: ['device.*'] });
    await put('type', { types: ['delivery.failed', 'contact.suppressed'] });
    await put('mail', { types: ['delivery.*'], channels: ['email'] });
    await put('offers', { types: ['delivery.*'], categories: ['offers'] });
    await put('test', { environments: ['test'] });
    await put('off', { enabled: false });
    await scene.happen(
      scene.event({ data: { name: 1 } }),
      scene.event({ type: 'delivery.failed', channel: 'sms', category: 'offers', data: { name: 2 } }),
      scene.event({ type: 'device.inactive', channel: undefined, category: undefined, data: { name: 3 } }),
      scene.event({ live: false, data: { name: 4 } }),
    );
    await scene.run();
    const [one, two, three, four] = [
      'delivery.sent 1',
      'delivery.failed 2',
      'device.inactive 3',
      'delivery.sent 4',
    ];
    const sorted = Object.fromEntries([...heard].map(([id, list]) => [id, list.toSorted()]));
    assert.deepEqual(sorted, {
      all: [two, one, four, three],
      noun: [three],
      type: [two],
      mail: [one, four],
      offers: [two],
      test: [four],
    });
  });

  it('adds the user and the category of a notification, and chooses by them', async () => {
    await scene.put('all', { url: scene.peer.url });
    await scene.put('offers', { url: scene.other.url, categories: ['offers'] });
    const at = Date.now();
    const ids = await Promise.all(
      ['offers', 'news'].map((category) =>
        insertNotification(store(), scene.tenantId, { category, user_id: 'grace', created_at: new Date(at) }),
      ),
    );
    await scene.happen(
      ...ids.map((notificationId) =>
        scene.event({ category: undefined, notificationId, data: { notificationId, state: 'sent' } }),
      ),
    );
    await scene.run();
    const told = ({ calls }: HookPeer) =>
      calls.map(({ event: { data } }) => [data.notificationId, data.userId, data.category, data.state]);
    assert.deepEqual(told(scene.peer).toSorted(), [
      [ids[0], 'grace', 'offers', 'sent'],
      [ids[1], 'grace', 'news', 'sent'],
    ]);
    assert.deepEqual(told(scene.other), [[ids[0], 'grace', 'offers', 'sent']]);
  });

  it('tells a tenant nothing of another one', async () => {
    const stranger = await makeTenant(store(), scene.clock.now());
    await scene.put('mine', { url: scene.peer.url });
    await scene.put('theirs', { url: scene.other.url }, stranger);
    await scene.happen(
      scene.event({ data: { of: 'me' } }),
      scene.event({ tenantId: stranger, data: { of: 'them' } }),
    );
    await scene.run();
    assert.deepEqual(
      [scene.peer, scene.other].map(({ calls }) => calls.map(({ event: { data } }) => data.of)),
      [['me'], ['them']],
    );
  });
});
