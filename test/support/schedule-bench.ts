import { silentLogger } from '../../src/lib/logger.ts';
import { Wake } from '../../src/queue/index.ts';
import { createCategories } from '../../src/rules/index.ts';
import { registerScheduleRoutes } from '../../src/schedules/routes.ts';
import { ScheduleLoop } from '../../src/schedules/schedule-loop.ts';
import { loadNextAt } from '../../src/schedules/store.ts';
import { ensurePartitions, type Store } from '../../src/store/index.ts';
import { publishedTemplates } from './templates.ts';
import { serveTwoTenants, type TwoTenants } from './two-tenants.ts';

/** For tests: the routes of schedules for two tenants, and loops on the same clock. */
export interface ScheduleBench {
  api: TwoTenants;
  wake: Wake;
  /** The fields that every schedule needs. */
  notification: { userId: string; message: { title: string; body: string } };
  newLoop(store?: Store): ScheduleLoop;
  /** Sets the clock; partitions are there wherever it goes. */
  setTo(time: string): Promise<void>;
  /** Fires everything up to a time, as the loop would: at the moment at which it is due. */
  runUntil(time: string): Promise<void>;
  /** What was sent, as `user time`, in that order of time and user. */
  sent(): Promise<string[]>;
  clear(): Promise<void>;
}

export async function openBench(store: Store): Promise<ScheduleBench> {
  const wake = new Wake();
  const templates = publishedTemplates((id) => id === 'welcome');
  const api = await serveTwoTenants(store, (app, deps) =>
    registerScheduleRoutes(app, { ...deps, wake, templates }),
  );
  const newLoop = (on = store) =>
    new ScheduleLoop({
      store: on,
      clock: api.clock,
      wake,
      logger: silentLogger,
      categories: createCategories(api.clock),
    });
  const setTo = async (time: string) => {
    api.clock.advance(Date.parse(time) - api.clock.now());
    await ensurePartitions(store.engine, api.clock.now());
  };
  const loop = newLoop();
  return {
    api,
    wake,
    notification: { userId: 'ada', message: { title: 'Hello', body: 'World' } },
    newLoop,
    setTo,
    async runUntil(time) {
      for (;;) {
        const nextAt = await loadNextAt(store.engine);
        if (!nextAt || nextAt.getTime() > Date.parse(time)) break;
        await setTo(new Date(Math.max(nextAt.getTime(), api.clock.now())).toISOString());
        await loop.step();
      }
      await setTo(time);
    },
    async sent() {
      const { rows } = await store.engine.query(
        'select user_id, created_at from notifications where tenant_id = $1 order by created_at, user_id',
        [api.tenantId],
      );
      return rows.map((row) => `${row.user_id} ${row.created_at.toISOString().slice(0, 16)}`);
    },
    async clear() {
      for (const table of [
        'schedules',
        'schedule_occurrences',
        'audience_sends',
        'notifications',
        'unrouted',
        'idempotency_keys',
        'users',
      ])
        await store.engine.query(`delete from ${table}`);
    },
  };
}
