import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../lib/logger.ts';

const CHANNEL = 'bellhop_wake';
const RECONNECT_MS = 5_000;
/** Other processes are told at most this often: each NOTIFY is a commit that takes a lock of the whole instance. */
const NOTIFY_INTERVAL_MS = 20;

/** Topics are lanes, `route` and `route.high` for accepted notifications, `digests` for digests that were opened, `webhooks`. */
export type Topic = string;
export const ROUTE: Topic = 'route';
export const ROUTE_HIGH: Topic = 'route.high';
export const DIGESTS: Topic = 'digests';
export const WEBHOOKS: Topic = 'webhooks';

/** Who routes a priority (0 high, 1 normal, 2 low). */
export function routeTopic(priority: number): Topic {
  return priority === 0 ? ROUTE_HIGH : ROUTE;
}

/**
 * Tells those who wait that there is work. Correctness never depends on it: whoever waits also polls. Inside the
 * process it is a call; to other processes it is one NOTIFY for all topics of a tick, because a notifying commit
 * takes a lock of the whole instance.
 */
export class Wake {
  readonly #listeners = new Set<(topic: Topic) => void>();
  #remote: RemoteWake | null = null;

  /** True while every signal of every process is heard; otherwise whoever waits polls more often. */
  get isComplete(): boolean {
    return this.#remote === null || this.#remote.isConnected;
  }

  /** Other processes hear it as well once this is called (PostgreSQL only). */
  async connect(databaseUrl: string, logger: Logger): Promise<void> {
    this.#remote = new RemoteWake(databaseUrl, logger, (topic) => this.#tell(topic));
    await this.#remote.open();
  }

  on(listener: (topic: Topic) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  signal(topic: Topic): void {
    this.#tell(topic);
    this.#remote?.send(topic);
  }

  async close(): Promise<void> {
    await this.#remote?.close();
  }

  #tell(topic: Topic): void {
    for (const listener of this.#listeners) listener(topic);
  }
}

class RemoteWake {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #receive: (topic: Topic) => void;
  readonly #sender = crypto.randomUUID().slice(0, 8);
  #client: pg.Client | null = null;
  #pending = new Set<Topic>();
  #sending = false;
  #closed = false;
  #reconnect: NodeJS.Timeout | undefined;

  constructor(url: string, logger: Logger, receive: (topic: Topic) => void) {
    this.#url = url;
    this.#logger = logger;
    this.#receive = receive;
  }

  get isConnected(): boolean {
    return this.#client !== null;
  }

  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'bellhop wake',
      keepAlive: true,
    });
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload = '' }) => {
      const [sender, ...topics] = payload.split(' ');
      if (sender !== this.#sender) for (const topic of topics) this.#receive(topic);
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.#client = client;
    } catch (error) {
      this.#logger.warn({ error }, 'wake-ups between processes are off; polling goes on');
      this.#lost(client);
    }
  }

  send(topic: Topic): void {
    this.#pending.add(topic);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => void this.#flush());
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    await this.#client?.end().catch(() => {});
  }

  async #flush(): Promise<void> {
    while (this.#pending.size > 0 && this.#client) {
      const payload = [this.#sender, ...this.#pending].join(' ');
      this.#pending.clear();
      await this.#client.query('select pg_notify($1, $2)', [CHANNEL, payload]).catch(() => {});
      await wait(NOTIFY_INTERVAL_MS, undefined, { ref: false });
    }
    this.#pending.clear();
    this.#sending = false;
  }

  #lost(client: pg.Client): void {
    client.removeAllListeners();
    client.on('error', () => {});
    if (this.#client === client) this.#client = null;
    if (this.#closed || this.#reconnect?.hasRef()) return;
    this.#reconnect = setTimeout(() => {
      this.#reconnect = undefined;
      void this.open();
    }, RECONNECT_MS);
  }
}
