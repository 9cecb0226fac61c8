import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { countChanges } from '../../src/ledger/index.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

/** Requests no version of Bellhop would have stored. */
const REQUESTS = ['"text"', '5', '[]', '{}', '{"message": 5}', '{"message": {"body": {"a": 1}}}'];
const CHANNELS = ['{"channels": "sms", "message": {}}', '{"channels": ["pigeon"], "message": {}}'];
const TEMPLATES = ['{"template": {"id": 5}}', '{"template": "gone"}', 'null'];
const DELIVERIES: Record<string, string>[] = [
  { provider: 'pigeon' },
  { connection: 'gone', provider: 'gone' },
  { channel: 'pigeon' },
  { lane: 'pigeon.normal' },
  { lane: '' },
];

/** Rows that nothing in Bellhop could have written stop themselves, and nothing else. */
export default {
  id: 'n',
  title: 'corrupt rows in notifications and deliveries',
  share: 0,
  run: (plan) =>
    underLoad({ plan, settleMs: 60_000 }, async (world) => {
      await wait(1_000);
      const ids = await corrupt(world);
      await wait(plan.isQuick ? 3_000 : 15_000);
      return { count: 0, note: `${ids.length} corrupt rows`, check: () => unsettled(world.db, ids) };
    }),
} satisfies Scenario;

async function corrupt({ db }: World): Promise<string[]> {
  const requests = [...REQUESTS, ...CHANNELS, ...TEMPLATES].map((text) => insertNotification(db, text, true));
  const routed = [...REQUESTS, ...TEMPLATES].map(async (text) =>
    insertDelivery(db, await insertNotification(db, text, false), {}),
  );
  const odd = DELIVERIES.map(async (odd) =>
    insertDelivery(
      db,
      await insertNotification(db, `{"message": {"body": "odd ${crypto.randomUUID()}"}}`, false),
      odd,
    ),
  );
  return Promise.all([...requests, ...routed, ...odd]);
}

async function insertNotification(db: pg.Pool, request: string, isUnrouted: boolean): Promise<string> {
  const id = uuidv7(Date.now());
  await db.query(
    `with stored as (
       insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
       select $1, id, true, 'ada', 'transactional', 1, 'accepted', $2, clock_timestamp(), clock_timestamp()
         from tenants limit 1 returning id, tenant_id, priority, due_at
     )
     insert into unrouted (id, tenant_id, priority, due_at) select id, tenant_id, priority, due_at from stored where $3`,
    [id, request, isUnrouted],
  );
  return id;
}

async function insertDelivery(db: pg.Pool, id: string, odd: Record<string, string>): Promise<string> {
  const row = { channel: 'webhook', lane: 'webhook.normal', provider: 'webhook', connection: 'hook', ...odd };
  await db.query(
    `with stored as (
       insert into deliveries (id, tenant_id, live, notification_id, channel, lane, provider, connection, state, due_at,
         created_at, expires_at)
       select $2, tenant_id, true, id, $3, $4, $5, $6, 'queued', clock_timestamp(), clock_timestamp(),
         clock_timestamp() + interval '20 seconds' from notifications where id = $1
       returning tenant_id, live, created_at, channel, 'accepted' as state, 1 as n
     )
     ${countChanges('stored')}`,
    [id, uuidv7(Date.now()), row.channel, row.lane, row.provider, row.connection],
  );
  return id;
}

/** Corrupt rows that did not come to an end themselves. */
async function unsettled(db: pg.Pool, ids: string[]): Promise<string[]> {
  const { rows } = await db.query(
    `select n.state as notification, n.request::text, d.state, d.channel, d.lane, d.provider, d.reason, d.due_at > clock_timestamp() as waits
       from notifications n left join deliveries d on d.notification_id = n.id
      where n.id = any($1::uuid[]) and (d.id is null and n.state = 'accepted' or d.state in ('queued', 'sending', 'unknown'))`,
    [ids],
  );
  return rows.map((row) => `a corrupt row never ended: ${JSON.stringify(row)}`);
}
