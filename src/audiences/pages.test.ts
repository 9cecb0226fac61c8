import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { listUsers } from '../users/store.ts';
import { listExternalIds } from './export-store.ts';
import { listErrors, listImports } from './import-store.ts';
import { countPage, judgePage } from './judge-store.ts';
import { listMembers, listSegments, type SegmentRow } from './segment-store.ts';
import { listSubscribers, listTopics, listTopicsOfUser } from './topic-store.ts';

describeStores('a page of a list', (store) => {
  const id = uuidv7(0);
  const page = { tenantId: id, after: id, limit: 10 };
  const segment = {
    tenant_id: id,
    uid: id,
    shown: 1,
    generation: 1,
    cursor: id,
    rule: { locale: 'de' },
  } as SegmentRow;
  const LISTS: [list: string, bound: RegExp, ask: (db: Queryable) => Promise<unknown>][] = [
    ['all users', /id > /, (db) => listUsers(db, page)],
    ['users to export', /id > /, (db) => listExternalIds(db, page)],
    ['members', /user_id > /, (db) => listMembers(db, segment, page)],
    [
      'subscribers',
      /ROW\(topic, user_id\) > /,
      (db) =>
        listSubscribers(db, { tenantId: id, topic: 'a' }, { after: { topic: 'a', user_id: id }, limit: 10 }),
    ],
    ['topics', /topic > /, (db) => listTopics(db, { ...page, under: null, after: 'a' })],
    ['topics of a user', /topic > /, (db) => listTopicsOfUser(db, { ...page, userId: id, after: 'a' })],
    ['segments', /id > /, (db) => listSegments(db, page)],
    ['imports', /id < /, (db) => listImports(db, { ...page, before: id })],
    ['errors', /line > /, (db) => listErrors(db, { tenantId: id, id }, { after: 1, limit: 10 })],
    ['users to judge', /id > /, (db) => judgePage(db, segment, { now: 0, others: new Map(), limit: 10 })],
    [
      'users to count',
      /id > /,
      (db) => countPage(db, { ...page, rule: { locale: 'de' }, now: 0, others: new Map() }),
    ],
  ];
  for (const [list, bound, ask] of LISTS) {
    it(`of ${list} begins where the one before ended, by the index`, async () => {
      const plan = await store().scoped(id, async (db) => {
        let lines: string[] = [];
        const query = async (statement: string | { text: string }) => {
          const text = typeof statement === 'string' ? statement : statement.text;
          const { rows } = await db.query(`explain (generic_plan, costs off) ${text}`);
          lines = rows.map((row) => row['QUERY PLAN']);
          return { rows: [{}] };
        };
        await ask({ query } as unknown as Queryable);
        return lines;
      });
      const bounds = plan.filter((line) => bound.test(line));
      assert.ok(bounds.length > 0, plan.join('\n'));
      for (const line of bounds) assert.match(line, /Index Cond:/, plan.join('\n'));
    });
  }
});
