import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { rewrapDataKeys } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { createLinks, linkOrigin } from './links.ts';

describe('where links lead', () => {
  it('is a public address that is https, or one for trying out', () => {
    for (const [publicUrl, origin] of [
      ['https://bell.example', 'https://bell.example'],
      ['https://bell.example:8443', 'https://bell.example:8443'],
      ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
      ['http://[::1]:3000', 'http://[::1]:3000'],
      ['http://localhost', 'http://localhost'],
      ['http://bell.example', null],
      ['http://localhost.bell.example', null],
      [undefined, null],
    ] as const)
      assert.equal(linkOrigin(publicUrl), origin, String(publicUrl));
  });
});

describeStores('links', (store) => {
  const user = { id: uuidv7(1), live: true };
  const masterKeys = makeMasterKeys();
  const start = async () => {
    const clock = new FakeClock();
    const shared = { store: store(), clock, origin: 'https://bell.example' };
    const process = (keys = masterKeys) => createLinks({ ...shared, masterKeys: keys });
    const tenants = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())] as const;
    return { clock, process, tenants };
  };
  type Process = ReturnType<typeof createLinks>;
  const linkFrom = async (links: Process, tenantId: string) =>
    (await links.forTenants([tenantId])).get(tenantId)!.preferences(user, 'email').split('/p/')[1]!;
  const opens = async (links: Process, token: string) => (await links.open(token, 'preferences')) !== null;

  it('of one process open in another, even when both make the first key', async () => {
    const { process, tenants } = await start();
    const [one, other] = [process(), process()];
    const [tenantId] = tenants;
    const tokens = await Promise.all([linkFrom(one, tenantId), linkFrom(other, tenantId)]);
    assert.equal(tokens[0], tokens[1]);
    assert.deepEqual(await other.open(tokens[0], 'preferences'), {
      purpose: 'preferences',
      tenantId,
      userId: user.id,
      live: true,
      detail: 'email',
    });
    assert.equal(await other.open(tokens[0], 'unsubscribe'), null);
  });

  it('stay good when the master key changes', async () => {
    const { process, tenants } = await start();
    const token = await linkFrom(process(), tenants[0]);
    const { current } = makeMasterKeys();
    await rewrapDataKeys(store(), { current, previous: [masterKeys.current] });
    assert.ok(await opens(process({ current, previous: [] }), token));
  });

  it('end within two seconds in all processes when they are taken back, those of one tenant only', async () => {
    const { clock, process, tenants } = await start();
    const [one, other] = [process(), process()];
    const [token, theirs] = [await linkFrom(one, tenants[0]), await linkFrom(one, tenants[1])];
    assert.ok(await opens(other, token));
    await one.rotate(tenants[0]);
    assert.equal(await opens(one, token), false);
    clock.advance(2_000);
    assert.equal(await opens(other, token), false);
    assert.ok(await opens(other, theirs));
    assert.ok(await opens(other, await linkFrom(one, tenants[0])));
  });

  it('of a tenant whose key does not open stop nobody else, and come back with a new key', async () => {
    const { clock, process, tenants } = await start();
    const links = process();
    const [token, theirs] = [await linkFrom(links, tenants[0]), await linkFrom(links, tenants[1])];
    await store().engine.query(
      `update link_keys set secrets = (select secrets from link_keys where tenant_id = $2) where tenant_id = $1`,
      [...tenants],
    );
    clock.advance(2_000);
    assert.deepEqual([...(await links.forTenants([...tenants])).keys()], [tenants[1]]);
    assert.deepEqual([await opens(links, token), await opens(links, theirs)], [false, true]);
    await links.rotate(tenants[0]);
    assert.ok(await opens(links, await linkFrom(links, tenants[0])));
  });
});
