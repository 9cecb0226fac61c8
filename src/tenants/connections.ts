import type { Clock } from '../lib/clock.ts';
import { type Logger, silentLogger } from '../lib/logger.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type Connection, openConnection } from './connection.ts';
import {
  type ConnectionRow,
  type ConnectionVersion,
  selectConnections,
  selectVersions,
} from './connection-store.ts';
import type { MasterKeys } from './master-key.ts';

/** A change by another process shows here after this time at the latest. */
const MAX_AGE_MS = 2_000;
const MAX_TENANTS = 10_000;

export interface ConnectionsOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
  logger?: Logger;
}

/** What the engine knows of connections: decrypted, ready for `provider.request`, at most two seconds old. */
export interface Connections {
  /**
   * The enabled connections of each tenant in the order in which they are tried. Costs no query for what is
   * fresh, else one for all tenants, and another one when something changed. `db` may be inside a transaction.
   */
  forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, Connection[]>>;
  /** One connection, enabled or not. Takes a client of its own (of `db`): never call it while holding one. */
  get(tenantId: string, id: string, db?: Queryable): Promise<Connection | null>;
  /** Call it after a change was committed: from now on this process reads the tenant's connections again. */
  forget(tenantId: string): void;
}

interface Entry {
  fingerprint: string;
  all: Connection[];
  enabled: Connection[];
  checkedAt: number;
}

export function createConnections(options: ConnectionsOptions): Connections {
  return new ConnectionCache(options);
}

class ConnectionCache implements Connections {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #masterKeys: MasterKeys;
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();
  /** Counts changes, so that a read which began before one is not remembered. */
  #changes = 0;

  constructor({ store, clock, masterKeys, logger = silentLogger }: ConnectionsOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#masterKeys = masterKeys;
    this.#logger = logger;
  }

  async forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, Connection[]>> {
    const entries = await this.#entriesOf(db, tenantIds);
    return new Map([...entries].map(([tenantId, entry]) => [tenantId, entry.enabled]));
  }

  async get(tenantId: string, id: string, db: Queryable = this.#store.engine): Promise<Connection | null> {
    const entries = await this.#entriesOf(db, [tenantId]);
    return entries.get(tenantId)?.all.find((connection) => connection.id === id) ?? null;
  }

  forget(tenantId: string): void {
    this.#changes++;
    this.#entries.delete(tenantId);
  }

  async #entriesOf(db: Queryable, tenantIds: string[]): Promise<Map<string, Entry>> {
    const oldest = this.#clock.now() - MAX_AGE_MS;
    const entries = new Map<string, Entry>();
    const stale: string[] = [];
    for (const tenantId of new Set(tenantIds)) {
      const entry = this.#entries.get(tenantId);
      if (entry && entry.checkedAt > oldest) entries.set(tenantId, entry);
      else stale.push(tenantId);
    }
    if (stale.length > 0) {
      for (const [tenantId, entry] of await this.#read(db, stale)) entries.set(tenantId, entry);
    }
    return entries;
  }

  /** Reads what is not known or has changed; what has not changed stays the very same objects. */
  async #read(db: Queryable, tenantIds: string[]): Promise<Map<string, Entry>> {
    const changes = this.#changes;
    const checkedAt = this.#clock.now();
    const unchanged = await this.#findUnchanged(db, tenantIds);
    const changed = tenantIds.filter((tenantId) => !unchanged.has(tenantId));
    const rows = changed.length > 0 ? await selectConnections(db, changed) : [];
    const rowsOf = Map.groupBy(rows, (row) => row.tenant_id);
    const read = new Map<string, Entry>();
    for (const tenantId of tenantIds) {
      const entry = unchanged.get(tenantId) ?? this.#open(rowsOf.get(tenantId) ?? []);
      read.set(tenantId, { ...entry, checkedAt });
    }
    if (changes === this.#changes) for (const [tenantId, entry] of read) this.#remember(tenantId, entry);
    return read;
  }

  async #findUnchanged(db: Queryable, tenantIds: string[]): Promise<Map<string, Entry>> {
    const known = tenantIds.flatMap((tenantId) => {
      const entry = this.#entries.get(tenantId);
      return entry ? [{ tenantId, entry }] : [];
    });
    if (known.length === 0) return new Map();
    const versions = Map.groupBy(
      await selectVersions(
        db,
        known.map(({ tenantId }) => tenantId),
      ),
      (row) => row.tenant_id,
    );
    const unchanged = known.filter(
      ({ tenantId, entry }) => fingerprint(versions.get(tenantId) ?? []) === entry.fingerprint,
    );
    return new Map(unchanged.map(({ tenantId, entry }) => [tenantId, entry]));
  }

  /** A row that cannot be used is left out, so that it does not harm the others. */
  #open(rows: ConnectionRow[]): Omit<Entry, 'checkedAt'> {
    const all = rows.flatMap((row) => {
      const opened = openConnection(row, this.#masterKeys);
      if ('connection' in opened) return [opened.connection];
      const fields = {
        tenant: row.tenant_id,
        connection: row.id,
        provider: row.provider,
        rule: opened.problem,
      };
      this.#logger.error(fields, 'a connection can not be used');
      return [];
    });
    return { fingerprint: fingerprint(rows), all, enabled: all.filter((connection) => connection.enabled) };
  }

  #remember(tenantId: string, entry: Entry): void {
    this.#entries.delete(tenantId);
    this.#entries.set(tenantId, entry);
    if (this.#entries.size > MAX_TENANTS) this.#entries.delete(this.#entries.keys().next().value!);
  }
}

function fingerprint(rows: ConnectionVersion[]): string {
  const ofTenant = rows[0] ? JSON.stringify(rows[0].tenant_limits) : '';
  const ofRow = (row: ConnectionVersion) =>
    `${row.id} ${row.version} ${row.updated_at.getTime()} ${JSON.stringify(row.held_templates)}`;
  return `${ofTenant} ${rows.map(ofRow).join()}`;
}
