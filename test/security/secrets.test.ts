import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openStore } from '../../src/store/index.ts';
import { dumpTables } from '../../src/tenants/testing.ts';
import { freePort } from '../support/postgres.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';

const BOOTSTRAP_KEY = `boot-${randomBytes(24).toString('hex')}`;
/** Personal data may be stored, but stands in no log; all of it contains this. */
const PERSON = `p3rson${randomBytes(6).toString('hex')}`;

interface ProviderInfo {
  id: string;
  channel: string;
  fields: { name: string; type: string; required?: boolean }[];
}

describe('secrets and personal data', () => {
  let bellhop: RunningBellhop;
  let databaseUrl: string;
  let nowhere: string;
  const keys: string[] = [];
  const connectionSecrets: string[] = [];
  before(async () => {
    databaseUrl = await createTestDatabase();
    nowhere = `http://127.0.0.1:${await freePort()}`;
    bellhop = await startBellhop({
      DATABASE_URL: databaseUrl,
      BELLHOP_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
      BELLHOP_LOG_LEVEL: 'debug',
    });
    await makeKeys();
    await makeConnections();
    await makePeopleAndMessages();
    await makeMistakes();
  });
  after(async () => {
    await bellhop?.dispose();
    await stopOwnCluster();
  });

  async function makeKeys(): Promise<void> {
    for (const live of [true, false]) {
      const made = await bellhop.call('POST', '/v1/keys', { name: 'k', live, scopes: ['owner'] });
      const rotated = await bellhop.call('POST', `/v1/keys/${made.body.id}/rotate`, {});
      keys.push(made.body.key, rotated.body.key);
    }
    for (const key of keys) {
      const used = await bellhop.call('GET', '/v1/users', undefined, { authorization: `Bearer ${key}` });
      assert.equal(used.status, 200);
    }
  }

  /** A connection of each kind, with a secret in every field that takes one, to a place where nobody answers. */
  async function makeConnections(): Promise<void> {
    const secret = () => {
      connectionSecrets.push(randomBytes(18).toString('hex'));
      return connectionSecrets.at(-1)!;
    };
    const port = Number(new URL(nowhere).port);
    const plans: Record<string, object> = {
      smtp: { host: '127.0.0.1', port, from: 'a@example.com', username: 'u', password: secret() },
      twilio: {
        baseUrl: nowhere,
        accountSid: `AC${'0'.repeat(32)}`,
        authToken: secret(),
        secondaryAuthToken: secret(),
        from: '+15005550006',
      },
    };
    for (const [provider, config] of Object.entries(plans)) {
      const answer = await bellhop.call('PUT', `/v1/connections/${provider}`, { provider, config });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.ok(!connectionSecrets.some((each) => JSON.stringify(answer.body).includes(each)));
    }
    // Refused configurations: a secret in every field of every provider, where it is wrong as well as where it is right.
    const { items } = (await bellhop.call('GET', '/v1/providers')).body as { items: ProviderInfo[] };
    assert.ok(items.length >= 5);
    for (const { id, fields } of items) {
      const config = Object.fromEntries(Object.values(fields).map((field) => [field.name, secret()]));
      await bellhop.call('PUT', `/v1/connections/odd-${id}`, { provider: id, config });
      await bellhop.call('DELETE', `/v1/connections/odd-${id}`);
    }
  }

  async function makePeopleAndMessages(): Promise<void> {
    const user = {
      contacts: { email: `${PERSON}@example.com`, phone: '+4915112345678', telegram: PERSON },
      attributes: { [PERSON]: PERSON },
    };
    assert.equal((await bellhop.call('PUT', '/v1/users/ada', user)).status, 201);
    await bellhop.call('PUT', '/v1/suppressions', {
      kind: 'email',
      address: `${PERSON}.x@example.com`,
      reason: PERSON,
    });
    const device = { platform: 'android', token: `${PERSON}:${'a'.repeat(140)}` };
    assert.equal((await bellhop.call('POST', '/v1/users/ada/devices', device)).status, 201);
    const template = { channels: { sms: { en: { body: `{{ name }} ${PERSON}` } } }, variables: {} };
    await bellhop.call('PUT', '/v1/templates/t', template);
    const message = { title: PERSON, body: PERSON };
    const modes = [BOOTSTRAP_KEY, keys[3]!];
    for (const key of modes) {
      for (const channel of ['email', 'sms', 'inbox', 'push']) {
        const body = {
          userId: 'ada',
          message,
          channels: [channel],
          category: 'otp',
          idempotencyKey: `${PERSON}${channel}`,
        };
        const sent = await bellhop.call('POST', '/v1/notifications', body, {
          authorization: `Bearer ${key}`,
        });
        assert.equal(sent.status, 202, JSON.stringify(sent.body));
      }
    }
    const mentions = () => bellhop.output().match(/attempt finished/g)?.length ?? 0;
    await eventually(
      async () => mentions(),
      (count) => count >= 4,
    );
  }

  /** Requests that fail in every way a request can, full of what must not be logged. */
  async function makeMistakes(): Promise<void> {
    const headers = { authorization: `Bearer bh_live_${PERSON}` };
    assert.equal((await bellhop.call('GET', `/v1/users/${PERSON}`, undefined, headers)).status, 401);
    assert.equal((await bellhop.call('GET', `/${PERSON}?token=${PERSON}`)).status, 404);
    assert.equal((await bellhop.call('GET', `/v1/users/ada?${PERSON}=1%00`)).status, 400);
    const wrong: [string, string, object][] = [
      ['PUT', '/v1/users/bob', { contacts: { email: PERSON, phone: PERSON } }],
      ['PUT', '/v1/users/bob', { locale: PERSON }],
      ['PUT', '/v1/users/bob', { timezone: PERSON }],
      ['PUT', '/v1/users/bob', { attributes: { [`${PERSON}\u0000`]: 1 } }],
      ['PUT', '/v1/users/bob', { [PERSON]: 1 }],
      ['POST', '/v1/users/ada/devices', { platform: PERSON, token: PERSON }],
      ['POST', '/v1/notifications', { userId: 'ada', message: { title: PERSON, body: 7 } }],
      ['POST', '/v1/notifications', { userId: 'ada', template: { id: PERSON } }],
      [
        'POST',
        '/v1/notifications',
        { userId: 'ada', template: { id: 't', variables: { a: `${PERSON}\ud800` } } },
      ],
      ['PUT', '/v1/templates/u', { channels: { sms: { en: { body: `{{ ${PERSON} | nofilter }}` } } } }],
      ['POST', '/v1/keys', { name: `${PERSON}\u0000`, live: true, scopes: ['owner'] }],
    ];
    for (const [method, path, body] of wrong) {
      const answer = await bellhop.call(method, path, body);
      assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${JSON.stringify(answer.body)}`);
    }
    const broken = await fetch(`${bellhop.url}/v1/users/bob`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${BOOTSTRAP_KEY}`, 'content-type': 'application/json' },
      body: `{"locale":"${PERSON}`,
    });
    assert.equal(broken.status, 400);
  }

  async function dump(): Promise<string> {
    const store = await openStore({ databaseUrl, poolSize: 1, migrate: false });
    const text = await dumpTables(store);
    await store.close();
    return text;
  }

  /** A secret itself, its telling part, and the spellings in which it could have been stored. */
  const spellings = (secret: string) => {
    const bare = secret.replace(/^bh_(live|test)_/, '');
    return [
      bare,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ];
  };

  it('of connections and API keys are in no table', async () => {
    const text = await dump();
    assert.ok(text.includes(PERSON), 'the dump holds what was stored');
    const masterKey = readFileSync(join(bellhop.dataDir, 'master.key'), 'utf8').trim();
    for (const secret of [...keys, ...connectionSecrets, BOOTSTRAP_KEY, masterKey])
      for (const spelling of spellings(secret))
        assert.ok(!text.includes(spelling), `${spelling.slice(0, 8)}…`);
  });

  it('of connections and API keys are in no output of the process', () => {
    for (const secret of [...keys, ...connectionSecrets, BOOTSTRAP_KEY])
      for (const spelling of spellings(secret))
        assert.ok(!bellhop.output().includes(spelling), `${spelling.slice(0, 8)}…`);
  });

  it('of people are in no log, though attempts failed and succeeded', () => {
    const lines = bellhop.output().split('\n');
    const outcomes = new Set(lines.flatMap((line) => /"outcome":"([a-z]+)"/.exec(line)?.[1] ?? []));
    assert.ok(outcomes.has('accepted') && outcomes.size > 1, [...outcomes].join());
    const told = lines.filter((line) => line.includes(PERSON) || line.includes('15112345678'));
    assert.deepEqual(told, []);
  });
});
