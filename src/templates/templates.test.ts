import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable, Store } from '../store/index.ts';
import type { CompiledTemplate } from './compile.ts';
import { publishVersion, saveTemplate } from './save.ts';
import { archiveTemplate } from './store.ts';
import { createTemplates, type Templates, templateKey } from './templates.ts';

const clock = new FakeClock();
const now = new Date(clock.now());
const act = { by: 'key', now };

/** Counts the statements that go through it. */
function counting(store: Store): Queryable & { count: number } {
  const db = {
    count: 0,
    query(...args: Parameters<Queryable['query']>) {
      db.count++;
      return store.engine.query(...args);
    },
  };
  return db as unknown as Queryable & { count: number };
}

function bodyOf(template: CompiledTemplate | undefined): string | undefined {
  const rendered = template?.render('sms', { variables: {}, user: { id: 'u', attributes: {} } });
  return rendered && 'content' in rendered ? rendered.content.body : undefined;
}

const isPublished = async (templates: Templates, tenant: string, id: string) =>
  (await templates.refusal(tenant, { id })) === null;

describeStores('templates for the engine', (store) => {
  const tenants = [uuidv7(clock.now()), uuidv7(clock.now())] as const;
  const [tenantId, otherId] = tenants;

  before(async () => {
    for (const id of tenants) {
      await store().engine.query('insert into tenants values ($1, $2, $3, $4)', [id, id, 'x', now]);
    }
  });

  const save = (id: string, body: string, { publish = true, tenant = tenantId } = {}) =>
    store().scoped(tenant, (db) => {
      const definition = { defaultLocale: 'en', variables: {}, channels: { sms: { en: { body } } } };
      return saveTemplate(db, { tenantId: tenant, id }, { name: undefined, definition, publish, act });
    });

  it('come with one query for all that are not at hand, and none when all are', async () => {
    const templates = createTemplates({ store: store(), clock });
    await save('a', 'a1');
    await save('a', 'a2', { publish: false });
    await save('b', 'b1');
    await save('a', 'theirs', { tenant: otherId });
    const wanted = [
      { tenantId, id: 'a' },
      { tenantId, id: 'a', version: 2 },
      { tenantId, id: 'b' },
      { tenantId: otherId, id: 'a' },
      { tenantId: otherId, id: 'b' },
      { tenantId, id: 'b', version: 9 },
    ];
    const db = counting(store());
    const found = await templates.compiled(db, wanted);
    assert.equal(db.count, 1);
    assert.deepEqual(
      wanted.map((want) => bodyOf(found.get(templateKey(want)))),
      ['a1', 'a2', 'b1', 'theirs', undefined, undefined],
    );
    assert.deepEqual(found.get(`${tenantId}/a/published`)?.channels, ['sms']);
    const again = await templates.compiled(db, wanted.slice(0, 4));
    assert.equal(db.count, 1);
    assert.equal(again.get(`${tenantId}/a/2`), found.get(`${tenantId}/a/2`));
  });

  it('are compiled once, also when the published version is read again', async () => {
    const templates = createTemplates({ store: store(), clock });
    await save('once', 'x');
    const db = counting(store());
    const key = `${tenantId}/once/published`;
    const first = (await templates.compiled(db, [{ tenantId, id: 'once' }])).get(key);
    clock.advance(2_000);
    const second = (await templates.compiled(db, [{ tenantId, id: 'once' }])).get(key);
    assert.equal(db.count, 2);
    assert.equal(second, first);
  });

  it('follow a new publication within two seconds, and at once in the process that made it', async () => {
    const templates = createTemplates({ store: store(), clock });
    const published = async () =>
      bodyOf(
        (await templates.compiled(store().engine, [{ tenantId, id: 'p' }])).get(`${tenantId}/p/published`),
      );
    await save('p', 'one');
    assert.equal(await published(), 'one');
    await save('p', 'two');
    clock.advance(1_999);
    assert.equal(await published(), 'one');
    clock.advance(1);
    assert.equal(await published(), 'two');
    await store().scoped(tenantId, (db) => publishVersion(db, { tenantId, id: 'p' }, { version: 1, act }));
    templates.forget(tenantId, 'p');
    assert.equal(await published(), 'one');
  });

  it('are read on the client they are given, inside its transaction', async () => {
    const templates = createTemplates({ store: store(), clock });
    await save('inside', 'x');
    const body = await store().transaction(async (db) =>
      bodyOf(
        (await templates.compiled(db, [{ tenantId, id: 'inside' }])).get(`${tenantId}/inside/published`),
      ),
    );
    assert.equal(body, 'x');
  });

  it('are known to accept once they are published, not as drafts, archived or of another tenant', async () => {
    const templates = createTemplates({ store: store(), clock });
    assert.equal(await isPublished(templates, tenantId, 'gate'), false);
    await save('gate', 'x', { publish: false });
    assert.equal(await isPublished(templates, tenantId, 'gate'), false);
    await save('gate', 'x');
    assert.equal(await isPublished(templates, tenantId, 'gate'), true);
    assert.equal(await isPublished(templates, otherId, 'gate'), false);
    await store().scoped(tenantId, (db) => archiveTemplate(db, { tenantId, id: 'gate', now }));
    templates.forget(tenantId, 'gate');
    const late = await templates.compiled(store().engine, [{ tenantId, id: 'gate' }]);
    assert.equal(bodyOf(late.get(`${tenantId}/gate/published`)), 'x', 'what was accepted is still sent');
    assert.equal(await isPublished(templates, tenantId, 'gate'), false);
  });

  it('are looked up once for everyone who asks at the same time', async () => {
    await save('herd', 'x');
    const db = counting(store());
    const templates = createTemplates({ store: { ...store(), engine: db as never }, clock });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => isPublished(templates, tenantId, 'herd')),
    );
    assert.ok(answers.every(Boolean));
    await isPublished(templates, tenantId, 'herd');
    assert.equal(db.count, 1);
  });

  it('are not remembered from a read that a publication overtook', async () => {
    await save('slow', 'x');
    const read = Promise.withResolvers<void>();
    const db = counting(store());
    const slow = {
      async query(...args: Parameters<Queryable['query']>) {
        const result = await db.query(...args);
        await read.promise;
        return result;
      },
    };
    const templates = createTemplates({ store: { ...store(), engine: slow as never }, clock });
    const early = isPublished(templates, tenantId, 'slow');
    templates.forget(tenantId, 'slow');
    read.resolve();
    assert.equal(await early, true);
    await isPublished(templates, tenantId, 'slow');
    assert.equal(db.count, 2);
  });

  it('get one version each when two writers save at the same time', async () => {
    const saved = await Promise.all(['one', 'two', 'one'].map((body) => save('race', body)));
    assert.equal(new Set(saved.map(({ version }) => version)).size, saved.length);
  });
});
