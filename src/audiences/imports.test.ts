import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import type { Server } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerUserRoutes } from '../users/index.ts';
import { registerImportRoutes } from './import-routes.ts';
import { importChunk } from './import-work.ts';
import { startImport } from './receive.ts';
import { registerTopicRoutes } from './topic-routes.ts';

describeStores('an import of users', (store) => {
  let api: TwoTenants;
  let server: Server;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      server = app;
      const wired = { ...deps, wake: { signal() {} } };
      registerUserRoutes(app, deps);
      registerTopicRoutes(app, wired);
      registerImportRoutes(app, wired);
    });
  });
  after(() => api.close());

  const post = async (url: string, payload: string | Buffer | Readable, key = 'live') => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'text/csv' };
    const { statusCode: status, body } = await server.inject({ method: 'POST', url, headers, payload });
    return { status, body: JSON.parse(body) };
  };
  const work = async () => {
    while (await importChunk(store(), api.clock.now()));
  };
  const read = async (id: string) => (await api.call('GET', `/v1/imports/${id}`)).body;
  const errors = async (id: string) => {
    const url = `/v1/imports/${id}/errors`;
    const { body, headers } = await server.inject({
      method: 'GET',
      url,
      headers: { authorization: 'Bearer live' },
    });
    assert.equal(headers['content-type'], 'text/csv; charset=utf-8');
    return body.trimEnd().split('\r\n').slice(1);
  };
  const importAll = async (text: string, query = '') => {
    const { status, body } = await post(`/v1/imports${query}`, text);
    assert.equal(status, 202, JSON.stringify(body));
    await work();
    return read(body.id);
  };
  const user = async (name: string) => (await api.call('GET', `/v1/users/${encodeURIComponent(name)}`)).body;

  it('makes users with contacts, typed attributes and topics', async () => {
    const done = await importAll(
      '\ufeffid,email,phone,contacts.telegram,locale,timezone,attributes.plan,attributes.age:number,attributes.vip:boolean,attributes.tags:json,topics\r\n' +
        'ada,Ada@EXAMPLE.com,+49 151 12345678,4711,en-us,Europe/London,"pro, ""yearly""",36,TRUE,"[""x"",""y""]",sport/football;news\r\n' +
        'bob,,,,,,,,,,\r\n',
    );
    assert.deepEqual(
      [done.state, done.progress, done.rows],
      ['done', 1, { read: 2, created: 2, changed: 0, unchanged: 0, refused: 0 }],
    );
    const ada = await user('ada');
    assert.deepEqual(
      [ada.locale, ada.timezone, ada.attributes, ada.contacts.email.address, ada.contacts.phone.address],
      [
        'en-US',
        'Europe/London',
        { plan: 'pro, "yearly"', age: 36, vip: true, tags: ['x', 'y'] },
        'Ada@example.com',
        '+4915112345678',
      ],
    );
    assert.equal(ada.contacts.telegram.address, '4711');
    const { body } = await api.call('GET', '/v1/users/ada/topics');
    assert.deepEqual(
      body.items.map((item: { topic: string }) => item.topic),
      ['news', 'sport/football'],
    );
    assert.deepEqual((await user('bob')).attributes, {});
  });

  it('merges into users who are there, and changes nothing when it comes again', async () => {
    await api.call('PUT', '/v1/users/cy', {
      attributes: { a: 1, b: 2 },
      locale: 'de',
      contacts: { email: 'cy@example.com' },
    });
    const file = 'id,attributes.b:number,attributes.c,email\ncy,3,new,other@example.com\n';
    assert.deepEqual((await importAll(file)).rows, {
      read: 1,
      created: 0,
      changed: 1,
      unchanged: 0,
      refused: 0,
    });
    const cy = await user('cy');
    assert.deepEqual(
      [cy.attributes, cy.locale, cy.contacts.email.address],
      [{ a: 1, b: 3, c: 'new' }, 'de', 'other@example.com'],
    );
    assert.deepEqual((await importAll(file)).rows, {
      read: 1,
      created: 0,
      changed: 0,
      unchanged: 1,
      refused: 0,
    });
    assert.equal((await user('cy')).updatedAt, cy.updatedAt);
  });

  it('refuses a row that is wrong, by itself, and reports it', async () => {
    const done = await importAll(
      [
        'id,email,phone,locale,timezone,attributes.n:number,attributes.ok:boolean,attributes.j:json,topics',
        'good1,,,,,,,,',
        'bad,no-mail,,,,,,,',
        'bad,,0151,,,,,,',
        'bad,,,en_US,,,,,',
        'bad,,,,Mars/Olympus,,,,',
        'bad,,,,,1e999,,,',
        'bad,,,,,,maybe,,',
        'bad,,,,,,,"{""__proto__"": 1}",',
        'bad,,,,,,,,a//b',
        ',x@example.com,,,,,,,',
        'bad,too few',
        'bad,"x"y,,,,,,,',
        'bad\u0000,,,,,,,,',
        '',
        `${'x'.repeat(257)},,,,,,,,`,
        'good2,,,,,,,,',
      ].join('\n'),
    );
    assert.deepEqual(done.rows, { read: 15, created: 2, changed: 0, unchanged: 0, refused: 13 });
    const found = await errors(done.id);
    assert.equal(found.length, 13);
    assert.deepEqual(
      found.map((line) => line.split(',').slice(0, 2).join(',')),
      [
        '3,email',
        '4,phone',
        '5,locale',
        '6,timezone',
        '7,attributes.n:number',
        '8,attributes.ok:boolean',
        '9,attributes.j:json',
        '10,topics',
        '11,id',
        '12,',
        '13,',
        '14,id',
        '16,id',
      ],
    );
    assert.match(found[0]!, /valid|address|must/);
    assert.equal((await user('bad')).status, 404);
    assert.equal((await user('good2')).externalId, 'good2');
  });

  it('takes the last word on a user who comes twice', async () => {
    const done = await importAll('id,locale,attributes.a,attributes.b\ntwin,de,1,2\ntwin,,3,\ntwin,fr,,\n');
    assert.deepEqual([done.rows.read, done.rows.created], [3, 1]);
    const { locale, attributes } = await user('twin');
    assert.deepEqual([locale, attributes], ['fr', { a: '3', b: '2' }]);
  });

  it('only checks when it is dry', async () => {
    const done = await importAll('id,email\ndry,dry@example.com\ndry2,nope\n', '?dryRun=true');
    assert.deepEqual(
      [done.state, done.dryRun, done.rows],
      ['done', true, { read: 2, created: 0, changed: 0, unchanged: 1, refused: 1 }],
    );
    assert.equal((await user('dry')).status, 404);
    assert.equal((await errors(done.id)).length, 1);
  });

  for (const [fact, file] of [
    ['nothing in it', ''],
    ['no id', 'email\nx@example.com'],
    ['an unknown column', 'id,mail\na,b'],
    ['a column twice', 'id,email,email\n'],
    ['an unknown type', 'id,attributes.a:date\n'],
    ['one attribute as two types', 'id,attributes.a:number,attributes.a\n'],
    ['a prototype for an attribute', 'id,attributes.__proto__\n'],
    ['a broken first line', 'id,"a\n'],
  ] as const) {
    it(`is refused at once with ${fact}`, async () => {
      const before = (await api.call('GET', '/v1/imports?limit=100')).body.items.length;
      const { status, body } = await post('/v1/imports', file);
      assert.deepEqual([status, body.code], [422, 'import.invalid'], body.detail);
      assert.equal((await api.call('GET', '/v1/imports?limit=100')).body.items.length, before);
    });
  }

  it('wants text/csv', async () => {
    assert.equal((await api.call('POST', '/v1/imports', {})).status, 415);
  });

  const rows = (count: number, name: string) =>
    Array.from(
      { length: count },
      (_, i) => `${name}${i},${name}${i}@example.com,"line one\nline ""two"" ${'x'.repeat(80)}"\n`,
    ).join('');

  it('comes in parts of any length, and goes on where it was stored', async () => {
    const file = Buffer.from(`id,email,attributes.text\n${rows(4_000, 'part')}`);
    const first = await post('/v1/imports?more=true', file.subarray(0, 300_001));
    assert.equal(first.body.state, 'receiving');
    const { id, bytes } = first.body;
    assert.ok(bytes <= 300_001 && bytes > 299_000);
    const wrong = await post(`/v1/imports/${id}/parts?offset=${bytes + 1}`, file.subarray(bytes + 1));
    assert.deepEqual([wrong.status, wrong.body.errors[0].field], [400, 'query/offset']);
    const second = await post(
      `/v1/imports/${id}/parts?offset=${bytes}&more=true`,
      file.subarray(bytes, 400_000),
    );
    assert.equal(await importChunk(store(), api.clock.now()), null, 'nothing is stored before all is there');
    const last = await post(
      `/v1/imports/${id}/parts?offset=${second.body.bytes}`,
      file.subarray(second.body.bytes),
    );
    assert.deepEqual([last.body.state, last.body.bytes], ['waiting', file.length]);
    await work();
    const done = await read(id);
    assert.deepEqual([done.rows.created, done.rows.refused], [4_000, 0]);
    const again = await post(`/v1/imports/${id}/parts?offset=${file.length}`, 'x\n');
    assert.deepEqual([again.status, again.body.code], [409, 'import.over']);
    assert.equal((await user('part3999')).attributes.text, `line one\nline "two" ${'x'.repeat(80)}`);
    const { rows: left } = await store().engine.query('select count(*) as n from import_chunks');
    assert.equal(left[0].n, 0, 'the file is not kept');
  });

  it('keeps what came before its connection broke', async () => {
    const file = Buffer.from(`id,email,attributes.text\n${rows(3_000, 'cut')}`);
    const key = { tenantId: api.tenantId, id: uuidv7(api.clock.now()) };
    const broken = Readable.from(
      (async function* () {
        yield file.subarray(0, 310_000);
        throw new Error('ECONNRESET');
      })(),
    );
    const deps = { store: store(), clock: api.clock };
    await assert.rejects(
      startImport(deps, { key, stream: broken, isLast: true, dryRun: false }),
      /broke off/,
    );
    const { state, bytes } = await read(key.id);
    assert.ok(state === 'receiving' && bytes > 309_000 && bytes <= 310_000, `${state} ${bytes}`);
    await post(`/v1/imports/${key.id}/parts?offset=${bytes}`, file.subarray(bytes));
    await work();
    assert.equal((await read(key.id)).rows.created, 3_000);
  });

  it('goes on at the chunk where a crash left it, and counts no row twice', async () => {
    const { body } = await post('/v1/imports', `id,email,attributes.text\n${rows(6_000, 'crash')}`);
    await importChunk(store(), api.clock.now());
    const before = await read(body.id);
    assert.ok(before.rows.read > 0 && before.rows.read < 6_000 && before.state === 'running');
    const crashing = {
      transaction: (run: (db: never) => Promise<unknown>) =>
        store().transaction(async (db) => {
          await run(db as never);
          throw new Error('crash');
        }),
    };
    await assert.rejects(importChunk(crashing as never, api.clock.now()), /crash/);
    assert.deepEqual(await read(body.id), before);
    await work();
    const { rows: counted } = await read(body.id);
    assert.deepEqual([counted.read, counted.created, counted.refused], [6_000, 6_000, 0]);
  });

  it('waits when it cannot go on, and holds up no other', async () => {
    const stuck = (await post('/v1/imports', 'id\nstuck\n')).body;
    const { rows: kept } = await store().engine.query('select columns from imports where id = $1', [
      stuck.id,
    ]);
    await store().engine.query('update imports set columns = null where id = $1', [stuck.id]);
    api.clock.advance(1);
    const next = (await post('/v1/imports', 'id\nnext\n', 'other')).body;
    await assert.rejects(importChunk(store(), api.clock.now()));
    await work();
    assert.equal((await api.callAsOther('GET', `/v1/imports/${next.id}`)).body.state, 'done');
    const waiting = await read(stuck.id);
    assert.deepEqual(
      [waiting.state, waiting.problem],
      ['waiting', 'Its rows could not be stored; trying again'],
    );
    const columns = JSON.stringify(kept[0].columns);
    await store().engine.query('update imports set columns = $2 where id = $1', [stuck.id, columns]);
    api.clock.advance(5_000);
    await work();
    const done = await read(stuck.id);
    assert.deepEqual([done.state, done.problem, done.rows.created], ['done', null, 1]);
  });

  it('never gives a user more attributes than the API would', async () => {
    const row = `full,${'y'.repeat(7_000)}\n`;
    for (let i = 0; i < 5; i++) await importAll(`id,attributes.a${i}\n${row}`);
    const found = await user('full');
    assert.ok(JSON.stringify(found.attributes).length <= 2 * 16_384, 'in five files');
    const lines = Array.from({ length: 5 }, (_, i) => `many,"{""a${i}"":""${'y'.repeat(7_000)}""}",news\n`);
    const done = await importAll(`id,attributes,topics\n${lines.join('')}`);
    assert.deepEqual(done.rows, { read: 5, created: 1, changed: 0, unchanged: 1, refused: 3 });
    assert.ok(JSON.stringify((await user('many')).attributes).length <= 16_384, 'in one');
    assert.match((await errors(done.id))[0]!, /^4,attributes,must have at most 16384 bytes as JSON/);
    const again = await importAll('id,locale\nfull,de\n');
    assert.equal(again.rows.changed, 1, 'what adds nothing to them is stored');
  });

  it('can be cancelled once, and no more than five wait', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await post('/v1/imports?more=true', 'id\na\n')).body.id);
    assert.equal((await post('/v1/imports', 'id\na\n')).status, 422);
    for (const id of ids) {
      const { status, body } = await api.call('POST', `/v1/imports/${id}/cancel`);
      assert.deepEqual([status, body.state], [200, 'cancelled']);
    }
    assert.equal((await api.call('POST', `/v1/imports/${ids[0]}/cancel`)).body.code, 'import.over');
  });

  it('belongs to a tenant', async () => {
    const { body } = await post('/v1/imports?more=true', 'id\nmine\n');
    for (const [method, url] of [
      ['GET', ''],
      ['GET', '/errors'],
      ['POST', '/cancel'],
    ] as const)
      assert.equal((await api.callAsOther(method, `/v1/imports/${body.id}${url}`)).status, 404, url);
    assert.equal(
      (await post(`/v1/imports/${body.id}/parts?offset=${body.bytes}`, 'x\n', 'other')).status,
      404,
    );
    const { items } = (await api.callAsOther('GET', '/v1/imports')).body;
    assert.ok(items.every(({ id }: { id: string }) => id !== body.id));
    await api.call('POST', `/v1/imports/${body.id}/cancel`);
  });
});
