import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { insertDelivery, insertNotification } from '../../src/ledger/testing.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import type { Queryable } from '../../src/store/index.ts';
import { makeKey, makeMasterKeys, makeTenant, putMail } from '../../src/tenants/testing.ts';
import { describeStores } from '../support/stores.ts';

/** The tables that hold no tenant's data; the API has no business there. */
const ENGINE_ONLY = ['claims', 'instance', 'workers'];

describeStores('the second wall, for statements that forget their tenant', (store) => {
  let owner: string;
  let stranger: string;
  let tables: string[];
  before(async () => {
    const clock = new FakeClock(store().clock.now());
    const at = new Date(clock.now());
    [owner, stranger] = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())];
    const { rows } = await store().engine.query(
      `select distinct table_name as name from information_schema.columns
        where column_name = 'tenant_id' and table_schema = 'public' order by 1`,
    );
    // Partitions (`receipts_2026_11`) are reached through their table.
    tables = rows.map((row) => row.name).filter((name) => !/_\d{4}_\d{2}$/.test(name));
    for (const tenantId of [owner, stranger]) {
      await makeKey(store(), clock, { tenantId });
      await putMail({ store: store(), clock, masterKeys: makeMasterKeys() }, { tenantId, password: 'p' });
      const notification_id = await insertNotification(store(), tenantId);
      const delivery = await insertDelivery(store(), tenantId, { notification_id });
      const user = uuidv7(clock.now());
      const rest: [string, unknown[]][] = [
        ["users values ($1, $2, 'ada', null, null, '{}', $3, $3)", [user, at]],
        ["contacts values ($1, $2, 'email', 'a@example.com', null, null, $3)", [user, at]],
        ["devices values ($1, $2, $2, 'app', 'ios', 't', 'h', null, null, $3, $3)", [user, at]],
        ["connection_health values ($1, 'mail', 1, 'open', $2, $2, 1, 0, 1, 1, 1, 1, 1, $2, $2)", [at]],
        ["vendor_templates values ($1, 'mail', 'v', '', 'pending', null, $2)", [at]],
        ["suppressions values ($1, 'email', 'a@example.com', 'r', 's', $2)", [at]],
        ["templates values ($1, 't', 't', 1, 1, $2, $2)", [at]],
        ["template_versions values ($1, 't', 1, '{}', 'h', $2)", [at]],
        ["template_publications values ($1, 't', 1, 1, 'publish', 'k', $2)", [at]],
        ["template_settings values ($1, 'en', $2)", [at]],
        ["fragments values ($1, 'f', 1, 't', 'h', $2, $2, null)", [at]],
        ["inbox_items values ($1, $2, $2, true, $2, 'c', '{}', $3)", [user, at]],
        ['inbox_cursors values ($1, $2, true, 1)', [user]],
        ["inbox_changes values ($1, $2, true, 1, 'item.created', $2, null, $3)", [user, at]],
        ["user_token_keys values ($1, 1, '{}', $2, null)", [at]],
        ["browser_origins values ($1, 'https://app.example', $2)", [at]],
        ["idempotency_keys values ($1, true, 'h', 'f', $2, $3)", [user, at]],
        ["provider_messages values ($1, 'mail', 'm', $2, $3)", [delivery, at]],
        ["attempts values ($2, 1, $1, 'mail', 'smtp', 'retry', null, null, null, $3, 1)", [delivery, at]],
        [
          "hooks values ($1, 'h', 'pre-send', 'https://a.example', '{}', '{}', '{}', 300, 'open', true, '{}', null, 1, $2, $2)",
          [at],
        ],
        ['unrouted values ($1, 1, $3, $2)', [user, at]],
        ["counters values ($1, true, $2, 'sms', 'sent', 0, 1)", [at]],
        ["shared_requests values ($1, $2, '{}', $3)", [user, at]],
        ["flag_values values ($1, 'failover', 'live', 50, $2)", [at]],
        ["categories values ($1, 'offers', '{}', $2, $2)", [at]],
        ["link_keys values ($1, '{}', 1, $2)", [at]],
        ["tenant_quiet_hours values ($1, '[]', null, $2)", [at]],
        ["user_quiet_hours values ($1, $2, '[]', $3)", [user, at]],
        ["preferences values ($1, $2, '*', '*', 'out', 'api', $3)", [user, at]],
        ["frequencies values ($1, $2, 'news', 'daily', '09:00', null, 'api', $3)", [user, at]],
        ["cap_uses values ($1, true, $2, 'offers:*:day', $3, 1, null, 3, 1, $3)", [user, at]],
        ["cap_holds values ($1, $2, true, '{}', '[]', $3, $3)", [delivery, at]],
        ["page_owners values ($1, 'Ann', null, $2)", [at]],
        ['engagements values ($1, $2, $3, $3)', [user, at]],
        ['tracking_settings values ($1, true, true, true, false, true, false, null, $2)', [at]],
        ["visits values ($2, 'clicked', 0, $1, 'https://a.example/', 1, 0, 0, null, $3, $3)", [delivery, at]],
        ["tenant_quotas values ($1, '{}', '{}', null, $2)", [at]],
        ["topic_subscriptions values ($1, 'sport', $2, $3)", [user, at]],
        [
          `segments values ($1, 's', $2, '{"locale": "de"}', '{}', '{user}', null, 1, 1, null, 1, 1, 0, 0, null, $3, null, $3, $3, $3)`,
          [user, at],
        ],
        ['segment_members values ($1, $2, 1, $2)', [user]],
        ['segment_leftovers values ($1, $2, 1)', [user]],
        ["audience_changes (tenant_id, user_id, kind) values ($1, $2, 'user')", [user]],
        [
          "imports values ($1, $2, 'running', false, '[]', 1, 1, 1, 0, 0, 0, 0, 0, 0, null, $3, $3, $3, null)",
          [user, at],
        ],
        ["import_chunks values ($1, $2, 0, 2, 'x')", [user]],
        ["import_errors values ($1, $2, 2, 'id', 'is required')", [user]],
        [
          `audience_sends values ($1, $2, true, 's', $2, '2027-01-01T09:00:00', '{"topic": "sport"}', '{}', null, null, $3, $3, null)`,
          [user, at],
        ],
        ["postponed values ($1, $2, $3, '{sms}', 'quiet_hours')", [user, at]],
        [
          "schedules values ($1, true, 's', $2, '{}', 'active', null, $3, $3, '[]', null, null, $3, $3)",
          [user, at],
        ],
        [
          "schedule_occurrences values ($1, $2, '2027-01-01T09:00:00', '', $3, $3, 'fired', 1, $2)",
          [user, at],
        ],
        [
          "digests values ($1, $2, true, 'ada', 'news', 'news', '{}', null, null, $3, $3, null, null, null, null, null)",
          [user, at],
        ],
        ["digest_events values ($1, $2, $2, 1, '{sms}', null)", [user]],
        ["replays values ($2, $1, true, '{}', 1, null, 'running', null, $3, 0, '{}', $3, null)", [user, at]],
        [
          "webhook_endpoints values ($1, 'w', $2, 'https://a.example', null, '{*}', '{}', '{}', '{}', true, null, null, '{}', null, 1, $3, $3)",
          [user, at],
        ],
        ['webhook_troubles values ($2, $1, $3, 0, null)', [user, at]],
        [
          "webhook_deliveries values ($2, $2, $1, 'delivery.sent', 'pending', null, null, 0, 0, null, $3, null, null)",
          [user, at],
        ],
        ["webhook_attempts values ($2, $2, 1, $1, 'refused', null, 500, 1, null, $3)", [user, at]],
        [
          "events (id, tenant_id, live, type, occurred_at, data) values ($2, $1, true, 'delivery.sent', $3, '{}')",
          [user, at],
        ],
        ["otp_settings values ($1, '{}', $2)", [at]],
        [
          `otps values ($1, $2, true, 'ada', $2, 'pending', 'h', 1, 6, null, null, null, 0, 5, 1, '{}', null, null, $3, $3, $3, $3, null)`,
          [user, at],
        ],
        ["otp_recipients values ($1, true, 'h', '{}', $2)", [at]],
        ["otp_uses values ($1, true, 'tenant', '', $2, 1, 0, 0, $2)", [at]],
        ["otp_pauses values ($1, true, 'country', 'DE', $2, $2, 1, 0)", [at]],
        ["receipts values ($2, 'h', $1, 'mail', 'sent', null, null, null, $3)", [delivery, at]],
      ];
      for (const [into, values] of rest)
        await store().engine.query(`insert into ${into}`, [tenantId, ...values]);
    }
  });

  it('stands around every table that has a tenant, whoever owns it', async () => {
    const { rows } = await store().engine.query(
      `select relname::text as name from pg_class
        where relname = any($1) and relrowsecurity and relforcerowsecurity order by 1`,
      [tables],
    );
    assert.deepEqual(
      rows.map((row) => row.name),
      tables,
    );
    assert.ok(tables.length >= 16);
  });

  it('shows one tenant and no other', async () => {
    for (const table of tables) {
      const all = await store().engine.query(`select distinct tenant_id from ${table}`);
      assert.ok(all.rows.length >= 2, `${table} has rows of both`);
      for (const tenant of [owner, stranger]) {
        const { rows } = await store().scoped(tenant, (db) =>
          db.query(`select distinct tenant_id from ${table}`),
        );
        assert.deepEqual(rows, [{ tenant_id: tenant }], table);
      }
    }
    const { rows } = await store().scoped(stranger, (db) => db.query('select id from tenants'));
    assert.deepEqual(rows, [{ id: stranger }]);
  });

  it('lets nothing of another tenant be changed, given away or taken', async () => {
    for (const table of tables) {
      const touched = await rolledBack(stranger, (db) =>
        db.query(`update ${table} set tenant_id = tenant_id`),
      );
      const mine = await store().engine.query(`select count(*) from ${table} where tenant_id = $1`, [
        stranger,
      ]);
      assert.equal((touched as { rowCount: number }).rowCount, mine.rows[0].count, table);
      await assert.rejects(
        store().scoped(stranger, (db) => db.query(`update ${table} set tenant_id = $1`, [owner])),
        /row-level security/,
        table,
      );
    }
    const before = await store().engine.query('select count(*) from suppressions where tenant_id = $1', [
      owner,
    ]);
    await rolledBack(stranger, (db) => db.query('delete from suppressions'));
    const after = await store().engine.query('select count(*) from suppressions where tenant_id = $1', [
      owner,
    ]);
    assert.deepEqual(after.rows, before.rows);
  });

  it('shows nothing when no tenant is named, and nothing of the engine', async () => {
    for (const table of tables) {
      const { rows } = await store().transaction(async (db) => {
        await db.query("select set_config('role', 'bellhop_api', true)");
        return db.query(`select 1 from ${table}`);
      });
      assert.deepEqual(rows, [], table);
    }
    for (const table of ENGINE_ONLY) {
      await assert.rejects(
        store().scoped(owner, (db) => db.query(`select 1 from ${table}`)),
        /permission denied/,
        table,
      );
    }
  });

  it('has no door through the partitions', async () => {
    const { rows } = await store().engine.query(
      "select relname::text as name from pg_class where relname ~ '^(notifications|deliveries|attempts|receipts)_[0-9]{4}_[0-9]{2}$'",
    );
    assert.ok(rows.length > 0);
    for (const { name } of rows) {
      await assert.rejects(
        store().scoped(stranger, (db) => db.query(`select 1 from ${name}`)),
        /permission denied/,
        name,
      );
    }
  });

  /** Runs work in the scope of a tenant and undoes it. */
  async function rolledBack<T>(tenant: string, work: (db: Queryable) => Promise<T>): Promise<T> {
    let result: T | undefined;
    const undo = new Error('undo');
    await store()
      .scoped(tenant, async (db) => {
        result = await work(db);
        throw undo;
      })
      .catch((error) => {
        if (error !== undo) throw error;
      });
    return result as T;
  }
});
