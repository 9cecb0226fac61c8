import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { dumpTables, makeMasterKeys, makeTenant } from './testing.ts';
import { originOfUserToken, readUserToken, subscriberHash, writeUserToken } from './user-token.ts';
import { createUserTokens } from './user-tokens.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const claims = {
  tenantId: uuidv7(NOW),
  externalId: 'grüße@example.com',
  live: true,
  scopes: ['inbox', 'devices'] as const,
  id: uuidv7(NOW),
  expiresAt: NOW + 60_000,
};
const key = { version: 3, secret: 'secret' };

describe('the token of a user', () => {
  it('says what was put in, as a JWT that others can read', () => {
    const token = writeUserToken(claims, key, NOW);
    assert.deepEqual(readUserToken(token, 'secret', NOW), claims);
    assert.deepEqual(originOfUserToken(token), { tenantId: claims.tenantId, version: 3 });
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    assert.deepEqual(JSON.parse(header!), { alg: 'HS256', typ: 'JWT', kid: '3' });
    assert.deepEqual(JSON.parse(payload!), {
      sub: 'grüße@example.com',
      tenant: claims.tenantId,
      live: true,
      scope: 'inbox devices',
      iat: NOW / 1_000,
      exp: NOW / 1_000 + 60,
      jti: claims.id,
    });
  });

  it('is over at its second, and no other key opens it', () => {
    const token = writeUserToken(claims, key, NOW);
    assert.ok(readUserToken(token, 'secret', claims.expiresAt - 1));
    assert.equal(readUserToken(token, 'secret', claims.expiresAt), null);
    assert.equal(readUserToken(token, 'another', NOW), null);
  });

  it('does not open when any of its characters is changed', () => {
    const token = writeUserToken(claims, key, NOW);
    for (let i = 0; i < token.length; i++) {
      for (const other of ['A', 'B', '.']) {
        const changed = token.slice(0, i) + other + token.slice(i + 1);
        if (changed !== token) assert.equal(readUserToken(changed, 'secret', NOW), null, changed);
      }
    }
  });

  it('takes no other algorithm, and nobody who knows the secret makes one', () => {
    const [, payload] = writeUserToken(claims, key, NOW).split('.');
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const none = `${encode({ alg: 'none', typ: 'JWT', kid: '3' })}.${payload}.`;
    assert.equal(originOfUserToken(none), null);
    const head = `${encode({ alg: 'HS256', typ: 'JWT', kid: '3' })}.${payload}`;
    const forged = `${head}.${createHmac('sha256', 'secret').update(head).digest('base64url')}`;
    assert.equal(readUserToken(forged, 'secret', NOW), null);
    for (const text of ['', 'eyJ', 'eyJ.eyJ.x', `eyJ${'a'.repeat(9_000)}`]) {
      assert.deepEqual([originOfUserToken(text), readUserToken(text, 'secret', NOW)], [null, null]);
    }
  });

  it('is not needed where the server makes a hash', () => {
    assert.equal(
      subscriberHash('novu-secret', 'subscriber-1'),
      '4460841721c4287ec4efae3d9a238d293ac9e998bf720a91d9a363c9621e7b5b',
    );
  });
});

describeStores('tokens of users', (store) => {
  const masterKeys = makeMasterKeys();
  const start = async () => {
    const clock = new FakeClock();
    const process = () => createUserTokens({ store: store(), clock, masterKeys });
    const tenantId = await makeTenant(store(), clock.now());
    const grant = {
      tenantId,
      externalId: 'ada',
      live: true,
      scopes: ['inbox'] as const,
      lifetimeMs: 3_600_000,
    };
    return { clock, process, tenantId, grant };
  };

  it('of one process open in another, even when both make the first key', async () => {
    const { process, grant, clock, tenantId } = await start();
    const [one, other] = [process(), process()];
    const [{ token, expiresAt }, second] = await Promise.all([one.issue(grant), other.issue(grant)]);
    assert.equal(expiresAt, clock.now() + 3_600_000);
    const credential = (await other.authenticate(token))!;
    assert.deepEqual(credential, {
      keyId: credential.keyId,
      tenantId,
      live: true,
      scopes: [],
      user: { externalId: 'ada', scopes: ['inbox'], streamsUntil: expiresAt },
    });
    assert.ok(await one.authenticate(second.token));
    clock.advance(3_600_000);
    assert.equal(await other.authenticate(token), null);
  });

  it('of two keys are good during a rotation, and of one afterwards', async () => {
    const { process, grant, clock } = await start();
    const [one, other] = [process(), process()];
    const lasting = { ...grant, lifetimeMs: 86_400_000 };
    const { token: first } = await one.issue(lasting);
    const { version } = await one.rotate(grant.tenantId, 10_000);
    clock.advance(2_000);
    const { token: second } = await other.issue(lasting);
    const good = async () => {
      const found = await Promise.all([first, second].map((token) => other.authenticate(token)));
      return found.map((credential) => credential !== null);
    };
    assert.deepEqual([version, await good()], [2, [true, true]]);
    clock.advance(8_000);
    assert.deepEqual(await good(), [false, true]);
    await one.rotate(grant.tenantId, 10_000);
    await one.rotate(grant.tenantId, 10_000);
    clock.advance(2_000);
    assert.deepEqual(await good(), [false, false], 'of three keys the oldest is over at once');
  });

  it('may be had for a hash that the secret made, and the secret is in no table', async () => {
    const { process, tenantId } = await start();
    const tokens = process();
    const knows = (secret: string, externalId = 'ada') =>
      tokens.knowsSubscriber({ tenantId, externalId, hash: subscriberHash(secret, 'ada') });
    assert.equal(await knows('x'), false);
    const old = (await tokens.rotate(tenantId, 5_000)).secret.reveal();
    const fresh = (await tokens.rotate(tenantId, 5_000)).secret.reveal();
    assert.deepEqual(await Promise.all([knows(old), knows(fresh), knows(fresh, 'bob')]), [true, true, false]);
    const tables = await dumpTables(store());
    for (const secret of [old, fresh]) {
      assert.ok(!tables.includes(secret));
      assert.ok(!tables.includes(Buffer.from(secret).toString('base64')));
    }
  });

  it('of a key that was tampered with do not open, and a rotation helps', async () => {
    const { process, grant } = await start();
    const { token } = await process().issue(grant);
    await store().engine.query(
      `update user_token_keys set secrets = jsonb_set(secrets, '{fields,secret}', '"AAAA"') where tenant_id = $1`,
      [grant.tenantId],
    );
    const tokens = process();
    assert.equal(await tokens.authenticate(token), null);
    await assert.rejects(tokens.issue(grant), /rotate it/);
    await tokens.rotate(grant.tenantId, 0);
    assert.ok(await tokens.authenticate((await tokens.issue(grant)).token));
  });
});
