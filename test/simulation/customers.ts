import { buildRow, type NotificationBody } from '../../src/accept/request.ts';
import { updateAccepted } from '../../src/accept/store.ts';
import {
  cancelAccepted,
  cancelCollected,
  cancelDeliveries,
  lockNotification,
  takeTurn,
} from '../../src/ledger/index.ts';
import { replayDeliveries } from '../../src/ledger/problem-store.ts';
import { routeTopic } from '../../src/queue/index.ts';
import { BUILT_IN } from '../../src/rules/index.ts';
import { TENANTS, USERS } from './accounts.ts';
import type { World } from './world.ts';

const REPLAY_FOR_MS = 300_000;
const WINDOWS = [{ everySeconds: 2 }, { everySeconds: 30 }, { quietSeconds: 5, atMostSeconds: 20 }];

export interface Asked {
  id: string;
  tenantId: string;
  channels: number;
}

/** The outside: asks for notifications, has second thoughts, and remembers what it was promised. */
export class Customers {
  /** Answered with 202. */
  readonly asked: Asked[] = [];
  /** By delivery: how many attempts had been started when the cancel was answered. */
  readonly cancelled = new Map<string, { at: number; attempts: number; state: string }>();
  readonly cancelledUnrouted = new Set<string>();
  /** By delivery: when it was replayed. */
  readonly replays = new Map<string, number[]>();
  readonly #world: World;
  #keys = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Sends one request to some living process; the answer may never come. */
  async ask(): Promise<void> {
    const { random, clock, processes, log } = this.#world;
    const process = random.pick(processes);
    const now = clock.now();
    const body = this.#draw(now);
    const tenantId = random.pick(TENANTS);
    const key = random.chance(0.2) ? `key-${random.chance(0.5) ? this.#keys : ++this.#keys}` : undefined;
    const row = buildRow(body, key, {
      tenantId,
      live: true,
      now,
      idempotencyMs: 60_000,
      categories: BUILT_IN,
    });
    log.add('ask', process.lifeline.name, row.id, body.category!, body.channels!.join('+'));
    const answer = await process.commits.add(row).catch((error: Error) => ({ kind: error.name }));
    if (answer.kind === 'stored' && 'id' in answer) {
      if (!answer.replayed) this.asked.push({ id: answer.id, tenantId, channels: body.channels!.length });
      process.wake.signal(routeTopic(row.priority));
    }
    log.add('answer', row.id, answer.kind);
  }

  async cancel(): Promise<void> {
    const { random, clock, log, store } = this.#world;
    if (this.asked.length === 0) return;
    const { id, tenantId } = random.pick(this.asked.slice(-40));
    const deliveries = await store.scoped(tenantId, async (db) => {
      const found = await lockNotification(db, tenantId, true, id);
      if (!found) throw new Error(`lost: notification ${id}`);
      if ((await cancelAccepted(db, tenantId, true, id)) || (await cancelCollected(db, tenantId, id))) {
        this.cancelledUnrouted.add(id);
        return [];
      }
      await cancelDeliveries(db, tenantId, id, new Date(clock.now()));
      const { rows } = await db.query(
        'select id, state, attempt from deliveries where notification_id = $1 and cancel_requested order by id',
        [id],
      );
      return rows;
    });
    for (const { id: delivery, state, attempt } of deliveries) {
      if (!this.cancelled.has(delivery))
        this.cancelled.set(delivery, { at: clock.now(), attempts: attempt, state });
    }
    log.add('cancel', id, ...deliveries.map(({ state }) => state));
  }

  async change(): Promise<void> {
    const { random, clock, log, store } = this.#world;
    if (this.asked.length === 0) return;
    const { id, tenantId } = random.pick(this.asked.slice(-10));
    const now = clock.now();
    const changed = await store.scoped(tenantId, async (db) => {
      const found = await lockNotification(db, tenantId, true, id);
      if (found?.state !== 'accepted' || !(await takeTurn(db, tenantId, id))) return false;
      await updateAccepted(db, {
        id,
        tenantId,
        request: JSON.stringify(found.request),
        priority: random.between(0, 2),
        sendAt: new Date(now + random.between(0, 60_000)),
        expiresAt: new Date(now + random.between(61_000, 200_000)),
        now: new Date(now),
      });
      return true;
    });
    log.add('change', id, String(changed));
  }

  async replay(): Promise<void> {
    const { random, clock, log, store } = this.#world;
    const tenantId = random.pick(TENANTS);
    const { rows } = await store.engine.query(
      `select id from deliveries where tenant_id = $1 and problem in ('dead', 'failed') order by id desc limit 3`,
      [tenantId],
    );
    const at = clock.now();
    const replayed = await store.scoped(tenantId, (db) =>
      replayDeliveries(db, tenantId, true, {
        ids: rows.map((row) => row.id),
        dueAt: rows.map(() => new Date(at)),
        entry: {
          at: new Date(at).toISOString(),
          action: 'replay',
          as: 'queued',
          by: { key: 'k', name: null },
        },
        expiresAt: new Date(at + REPLAY_FOR_MS),
      }),
    );
    for (const { id } of replayed) {
      this.replays.set(id, [...(this.replays.get(id) ?? []), at]);
      // Sending it again is what the replay asks for, and takes an earlier cancel back.
      this.cancelled.delete(id);
    }
    log.add('replay', ...replayed.map(({ id }) => id).sort());
  }

  #draw(now: number): NotificationBody {
    const { random } = this.#world;
    const sendAt = random.chance(0.15) ? now + random.between(1_000, 90_000) : undefined;
    const expiresAt = (sendAt ?? now) + random.pick([2_000, 15_000, 60_000, 300_000, 600_000]);
    return {
      userId: random.chance(0.03) ? 'nobody' : random.pick(USERS),
      channels: random.pick([
        ['sms'],
        ['webhook'],
        ['inbox'],
        ['sms', 'webhook'],
        ['sms', 'webhook', 'inbox'],
      ]),
      category: random.pick(['transactional', 'marketing', 'otp', 'security']),
      priority: random.pick([undefined, 'high', 'normal', 'low']),
      message: { title: 'Hello', body: 'World' },
      // Few enough are meant that several meet.
      ...(random.chance(0.3) && {
        userId: random.pick(USERS.slice(0, 2)),
        category: 'transactional',
        digest: { window: random.pick(WINDOWS) },
      }),
      ...(sendAt !== undefined && { sendAt: new Date(sendAt).toISOString() }),
      expiresAt: new Date(expiresAt).toISOString(),
    } as NotificationBody;
  }
}
