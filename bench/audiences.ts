import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import pg from 'pg';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { usageOf } from './children.ts';
import type { Row } from './row.ts';

/** Takes a figure down. */
type Tell = (what: string, figure: string) => void;

const SEGMENTS: Record<string, { rule: object; sql: string }> = {
  pro: { rule: { attribute: 'plan', is: 'pro' }, sql: `attributes ->> 'plan' = 'pro'` },
  'german-adults': {
    rule: {
      all: [{ locale: 'de' }, { attribute: 'age', atLeast: 18 }, { not: { attribute: 'plan', is: 'free' } }],
    },
    sql: `locale like 'de%' and (attributes ->> 'age')::int >= 18 and attributes ->> 'plan' <> 'free'`,
  },
  'sport-by-mail': {
    rule: { all: [{ contact: 'email' }, { topic: 'sport' }] },
    sql: `exists (select from topic_subscriptions s where s.user_id = u.id and s.topic like 'sport%')`,
  },
  'active-ios': {
    rule: { all: [{ device: { platform: 'ios', seenWithinDays: 30 } }, { segment: 'pro' }] },
    sql: `attributes ->> 'plan' = 'pro' and exists (select from devices d where d.user_id = u.id)`,
  },
  everybody: { rule: { attribute: 'nothing', exists: false }, sql: 'true' },
};

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const perSecond = (count: number, ms: number) => `${Math.round((count / ms) * 1000).toLocaleString('en')}/s`;

const PLANS = ['free', 'free', 'pro', 'gold'];
const LOCALES = ['de-DE', 'de-AT', 'en-GB', 'fr', 'pt-BR'];
const ZONES = ['Europe/Berlin', 'Europe/London', 'America/Sao_Paulo', 'Asia/Tokyo'];
const TOPICS = ['sport/football', 'news', 'sport/ski;news/local', ''];

function* csv(from: number, to: number, plan?: string): Generator<string> {
  let text = 'id,email,phone,locale,timezone,attributes.plan,attributes.age:number,topics\r\n';
  for (let i = from; i < to; i++) {
    const row = [
      `user-${i}`,
      `user${i}@example.com`,
      `+49151${String(10_000_000 + (i % 80_000_000))}`,
      LOCALES[i % 5],
      ZONES[i % 4],
      plan ?? PLANS[i % 4],
      i % 90,
      TOPICS[(i >> 2) % 4],
    ];
    text += `${row.join(',')}\r\n`;
    if (text.length > 64_000) {
      yield text;
      text = '';
    }
  }
  yield text;
}

async function upload(
  bellhop: RunningBellhop,
  lines: Iterable<string>,
): Promise<{ id: string; bytes: number }> {
  const outgoing = request(`${bellhop.url}/v1/imports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${LIVE_KEY}`, 'content-type': 'text/csv' },
  });
  Readable.from(lines, { objectMode: false }).pipe(outgoing);
  const [answer] = await once(outgoing, 'response');
  const body = JSON.parse(Buffer.concat(await answer.toArray()).toString());
  assert.equal(answer.statusCode, 202, JSON.stringify(body));
  return body;
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How long a look at one user takes meanwhile (ms), and what the process holds (MB). */
function watch(bellhop: RunningBellhop) {
  const latencies: number[] = [];
  let rssMb = 0;
  let isOn = true;
  const done = (async () => {
    while (isOn) {
      const at = performance.now();
      await bellhop.call('GET', '/v1/users/user-1');
      latencies.push(performance.now() - at);
      rssMb = Math.max(rssMb, usageOf(bellhop.pid).rssMb);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return async () => {
    isOn = false;
    await done;
    latencies.sort((a, b) => a - b);
    const at = (share: number) => `${latencies[Math.floor((latencies.length - 1) * share)]!.toFixed(1)} ms`;
    return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}; process at most ${Math.round(rssMb)} MB`;
  };
}

async function importUsers(
  bellhop: RunningBellhop,
  { what, lines, tell }: { what: string; lines: Iterable<string>; tell: Tell },
): Promise<void> {
  const stop = watch(bellhop);
  const from = performance.now();
  const { id, bytes } = await upload(bellhop, lines);
  const stored = performance.now();
  const done = await until(async () => {
    const { body } = await bellhop.call('GET', `/v1/imports/${id}`);
    return body.finishedAt ? body : null;
  });
  const end = performance.now();
  assert.deepEqual([done.state, done.rows.refused], ['done', 0]);
  tell(
    `${what}: upload of ${(bytes / 1e6).toFixed(0)} MB, stored durably`,
    `${seconds(stored - from)} (${(bytes / 1e3 / (stored - from)).toFixed(0)} MB/s)`,
  );
  tell(
    `${what}: users and contacts written`,
    `${seconds(end - stored)} (${perSecond(done.rows.read, end - stored)})`,
  );
  tell(`${what}: GET of one user meanwhile`, await stop());
}

async function segment(
  bellhop: RunningBellhop,
  id: string,
  { client, users, tell }: { client: pg.Client; users: number; tell: Tell },
): Promise<void> {
  const { rule, sql } = SEGMENTS[id]!;
  const from = performance.now();
  await bellhop.call('PUT', `/v1/segments/${id}`, { rule });
  const ready = await until(async () => {
    const { body } = await bellhop.call('GET', `/v1/segments/${id}`);
    return body.state === 'ready' ? body : null;
  });
  const ms = performance.now() - from;
  const { rows } = await client.query(`select count(*)::int as n from users u where ${sql}`);
  assert.equal(ready.count, rows[0].n, id);
  tell(
    `segment ${id}, ${ready.count.toLocaleString('en')} members`,
    `${seconds(ms)} (${perSecond(users, ms)} users judged)`,
  );
}

async function measure(
  bellhop: RunningBellhop,
  { client, users, tell }: { client: pg.Client; users: number; tell: Tell },
): Promise<void> {
  await importUsers(bellhop, { what: `import of ${users.toLocaleString('en')}`, lines: csv(0, users), tell });
  await client.query(
    `insert into devices (tenant_id, id, user_id, app, platform, token, token_hash, registered_at, last_active_at)
     select tenant_id, gen_random_uuid(), id, 'default', 'ios', id::text, sha256(id::text::bytea), now(), now()
     from users where right(external_id, 1) in ('1', '2', '5')`,
  );
  await client.query('vacuum analyze');
  for (const id of Object.keys(SEGMENTS)) await segment(bellhop, id, { client, users, tell });
  let from = performance.now();
  const { body: dry } = await bellhop.call('POST', '/v1/segments/count', {
    rule: SEGMENTS['german-adults']!.rule,
  });
  tell(
    `dry count (${dry.count.toLocaleString('en')} of ${dry.usersSeen.toLocaleString('en')} users seen, atLeast ${dry.atLeast})`,
    seconds(performance.now() - from),
  );

  const count = async () => (await bellhop.call('GET', '/v1/segments/pro')).body.count as number;
  const before = await count();
  from = performance.now();
  await bellhop.call('PUT', '/v1/users/late', { attributes: { plan: 'pro' } });
  await until(async () => ((await count()) === before + 1 ? true : null));
  tell('one user written, member of his segments after', seconds(performance.now() - from));

  const changed = Math.round(users / 10);
  const what = `import again of ${changed.toLocaleString('en')}, plan changed`;
  await importUsers(bellhop, { what, lines: csv(0, changed, 'pro'), tell });
  from = performance.now();
  const { rows } = await client.query(
    `select count(*)::int as n from users where attributes ->> 'plan' = 'pro'`,
  );
  await until(async () => ((await count()) === rows[0].n ? true : null));
  tell(`segments right again behind it`, seconds(performance.now() - from));

  from = performance.now();
  const exported = await fetch(`${bellhop.url}/v1/users.csv?segment=everybody`, {
    headers: { authorization: `Bearer ${LIVE_KEY}` },
  });
  let [bytes, lines] = [0, 0];
  for await (const piece of exported.body!) {
    bytes += piece.length;
    for (const byte of piece) if (byte === 0x0a) lines++;
  }
  assert.equal(lines, users + 2);
  const ms = performance.now() - from;
  tell(
    `export of ${(lines - 1).toLocaleString('en')} users, ${(bytes / 1e6).toFixed(0)} MB`,
    `${seconds(ms)} (${perSecond(lines, ms)}); process at ${Math.round(usageOf(bellhop.pid).rssMb)} MB`,
  );
}

/**
 * Users by the million: imports a file of them over HTTP into a Bellhop process on PostgreSQL, finds the members of
 * segments, changes users, exports. Every count is compared with one made by SQL.
 */
export async function measureAudiences(users: number, env: Record<string, string>): Promise<Row[]> {
  const rows: Row[] = [];
  const tell: Tell = (what, value) => {
    rows.push({ id: 'AUDIENCES', what, value, limit: '–', ratio: '–', goal: '–', met: true });
  };
  const bellhop = await startBellhop(env);
  const client = new pg.Client({ connectionString: env.DATABASE_URL! });
  await client.connect();
  try {
    await measure(bellhop, { client, users, tell });
    return rows;
  } finally {
    await client.end();
    await bellhop.dispose();
  }
}
