import { type Authenticate, type Credential, Problem } from '../http/index.ts';
import { Batcher, OverloadedError } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import { type Logger, silentLogger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import { type BootstrapKey, openBootstrapKey } from './bootstrap-key.ts';
import { hashKey, hasKeyFormat } from './key-format.ts';
import { findUsableKeys, type KeyRow, updateLastUsed } from './key-store.ts';

/** How long what was read about a key counts: a revocation by another process works after this time at the latest. */
const FRESH_MS = 5_000;
/** A key in use is read again, beside the request, before it gets too old, so busy keys never wait. */
const REFRESH_AFTER_MS = 2_500;
const UNKNOWN_MS = 1_000;
const MAX_REMEMBERED = 10_000;
const SAVE_USAGE_EVERY_MS = 60_000;
// A flood of unknown keys takes two connections at most, and then its answers are 503.
const LOOK_UPS = { maxBatch: 200, concurrency: 2, maxWaiting: 5_000 };

export interface AuthenticatorOptions {
  store: Store;
  clock: Clock;
  logger?: Logger;
  /** A key with the owner's rights in the tenant `default` that is not stored: any text of 32 characters or more. */
  bootstrapKey?: string;
}

/** Looks up bearer tokens (call it), and is told when a key changed. */
export interface Authenticator extends Authenticate {
  /** Call it after a key was changed: from now on this process reads it again. */
  forget(keyId: string): void;
  /** Writes down when keys were last used: one statement, at most once a minute for each key. */
  saveUsage(): Promise<void>;
  /** Calls `saveUsage` now and then, and once more at the end, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const cache = new KeyCache(options);
  return Object.assign((token: string) => cache.authenticate(token), {
    forget: (keyId: string) => cache.forget(keyId),
    saveUsage: () => cache.saveUsage(),
    run: (signal: AbortSignal) => cache.run(signal),
  });
}

interface Known {
  credential: Credential;
  expiresAt: number;
  readAt: number;
  usedAt: number;
  savedAt: number;
}

/** What this process knows of keys, by the hash of the key; the keys themselves are never kept. */
class KeyCache {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #bootstrap: BootstrapKey | undefined;
  readonly #lookUps: Batcher<string, KeyRow | undefined>;
  readonly #known = new Map<string, Known>();
  /** Keys that do not exist, and until when this is believed. */
  readonly #unknown = new Map<string, number>();
  readonly #reading = new Map<string, Promise<Credential | null>>();
  /** Counts changes, so that a read which began before one is not remembered. */
  #changes = 0;

  constructor({ store, clock, logger = silentLogger, bootstrapKey }: AuthenticatorOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#bootstrap = bootstrapKey === undefined ? undefined : openBootstrapKey(bootstrapKey, store, clock);
    this.#lookUps = new Batcher({ ...LOOK_UPS, flush: (hashes) => this.#lookUp(hashes) });
  }

  authenticate(token: string): Credential | null | Promise<Credential | null> {
    const hash = hashKey(token);
    const now = this.#clock.now();
    const known = this.#known.get(hash);
    if (known && now - known.readAt < FRESH_MS) {
      if (now >= known.expiresAt) return null;
      if (now - known.readAt >= REFRESH_AFTER_MS) this.#refresh(hash);
      known.usedAt = now;
      return known.credential;
    }
    if (this.#bootstrap?.matches(hash)) return this.#bootstrap.credential();
    if (!hasKeyFormat(token) || now < (this.#unknown.get(hash) ?? 0)) return null;
    return this.#read(hash);
  }

  forget(keyId: string): void {
    this.#changes++;
    this.#reading.clear();
    for (const [hash, known] of this.#known) {
      if (known.credential.keyId === keyId) this.#known.delete(hash);
    }
  }

  async saveUsage(): Promise<void> {
    const used = [...this.#known.values()]
      .filter((known) => known.usedAt - known.savedAt >= SAVE_USAGE_EVERY_MS)
      .map((known) => ({ known, usedAt: known.usedAt }));
    if (used.length === 0) return;
    await updateLastUsed(
      this.#store.api,
      used.map(({ known: { credential }, usedAt }) => ({ ...credential, usedAt: new Date(usedAt) })),
    );
    for (const { known, usedAt } of used) known.savedAt = usedAt;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(SAVE_USAGE_EVERY_MS, signal);
      await this.saveUsage().catch((error) =>
        this.#logger.warn({ error }, 'the last use of API keys was not saved'),
      );
    }
  }

  #refresh(hash: string): void {
    if (this.#reading.has(hash)) return;
    // What is known stays good until it is too old; then the request itself meets the error.
    this.#read(hash).catch((error) => this.#logger.warn({ error }, 'an API key was not read again'));
  }

  /** One read at a time for each key; who comes meanwhile waits for it. */
  #read(hash: string): Promise<Credential | null> {
    const underWay = this.#reading.get(hash);
    if (underWay) return underWay;
    const reading = this.#load(hash).finally(() => {
      if (this.#reading.get(hash) === reading) this.#reading.delete(hash);
    });
    this.#reading.set(hash, reading);
    return reading;
  }

  async #load(hash: string): Promise<Credential | null> {
    const changes = this.#changes;
    const now = this.#clock.now();
    const row = await this.#lookUps.add(hash).catch(refuseWhenFull);
    const known = row && toKnown(row, now, this.#known.get(hash));
    if (changes === this.#changes) {
      this.#known.delete(hash);
      if (known) remember(this.#known, hash, known);
      else remember(this.#unknown, hash, now + UNKNOWN_MS);
    }
    return known?.credential ?? null;
  }

  async #lookUp(hashes: string[]): Promise<(KeyRow | undefined)[]> {
    const rows = await findUsableKeys(this.#store.api, hashes, new Date(this.#clock.now()));
    const byHash = new Map(rows.map((row) => [row.hash, row]));
    return hashes.map((hash) => byHash.get(hash));
  }
}

function toKnown(row: KeyRow, now: number, before: Known | undefined): Known {
  return {
    credential: { keyId: row.id, tenantId: row.tenant_id, live: row.live, scopes: row.scopes },
    expiresAt: row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY,
    readAt: now,
    usedAt: Math.max(now, before?.usedAt ?? 0),
    savedAt: before?.savedAt ?? row.last_used_at?.getTime() ?? 0,
  };
}

/** The oldest makes room. */
function remember<T>(entries: Map<string, T>, hash: string, entry: T): void {
  entries.delete(hash);
  entries.set(hash, entry);
  if (entries.size > MAX_REMEMBERED) entries.delete(entries.keys().next().value!);
}

function refuseWhenFull(error: unknown): never {
  if (error instanceof OverloadedError) {
    throw new Problem('service.overloaded', undefined, { retryAfterSeconds: 1, cause: error });
  }
  throw error;
}
