import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Channel } from '../providers/index.ts';
import { type Store, TenantCache } from '../store/index.ts';
import { type MasterKeys, openForTenant, sealForTenant } from '../tenants/index.ts';
import { type Change, writeChanges } from './changes.ts';
import { type LinkKeyRow, saveLinkKey, selectLinkKeys } from './link-key-store.ts';
import { type Purpose, readToken, type TokenSubject, tenantOfToken, writeToken } from './token.ts';

/** Whose link it is. */
export interface LinkUser {
  /** Ours. */
  id: string;
  live: boolean;
}

/** A category on a channel. */
export interface Topic {
  category: string;
  channel: Channel;
}

/** The links of one tenant for his users: signed when asked for, good until the tenant rotates his key. */
export interface TenantLinks {
  /** The page with everything that the user may choose; `channel` is the one by which the link travels, where known. */
  preferences(user: LinkUser, channel?: Channel): string;
  /** RFC 8058: a POST to it unsubscribes at once. */
  unsubscribe(user: LinkUser, topic: Topic): string;
  /** Confirms that the user wants it. */
  optIn(user: LinkUser, topic: Topic): string;
  /** A token for the form that takes a change back. */
  undo(user: LinkUser, changes: Change[]): string;
}

export interface Links {
  /** False when this installation has no address that users could open. */
  readonly areOffered: boolean;
  /**
   * Makes the keys of tenants that have none; call it outside transactions. At most two seconds old. A tenant whose key
   * cannot be opened is missing: rotating makes a new one.
   */
  forTenants(tenantIds: string[]): Promise<Map<string, TenantLinks>>;
  /** What a token says, or null when it is not ours, was changed, or was made for another purpose. Call it outside transactions. */
  open(token: string, purpose: Purpose): Promise<TokenSubject | null>;
  /** Ends every link that the tenant gave out; in all processes within two seconds. */
  rotate(tenantId: string): Promise<void>;
}

export interface LinksOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
  /** See `linkOrigin`. */
  origin: string | null;
}

const KEY_BYTES = 32;
const PATHS = { preferences: 'p', unsubscribe: 'u', 'opt-in': 'c' } as const;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** Where links to this installation lead; null without a public address that is https (or loopback, for trying out). */
export function linkOrigin(publicUrl: string | undefined): string | null {
  const url = publicUrl === undefined ? null : URL.parse(publicUrl);
  if (!url) return null;
  return url.protocol === 'https:' || LOOPBACK.test(url.hostname) ? url.origin : null;
}

export function createLinks({ store, clock, masterKeys, origin }: LinksOptions): Links {
  const keys = new TenantCache<Known>(clock, async (db, tenantIds) => {
    const rows = await selectLinkKeys(db, tenantIds);
    return new Map(rows.map((row) => [row.tenant_id, know(row, masterKeys, origin ?? '')]));
  });
  const make = async (tenantId: string, version: number) => {
    const now = clock.now();
    const secrets = { key: randomBytes(KEY_BYTES).toString('base64') };
    const place = { tenantId, thing: 'links', version };
    const sealed = await sealForTenant(store.engine, { place, secrets, masterKeys, now });
    await saveLinkKey(store.engine, { tenantId, version, secrets: sealed, now: new Date(now) });
    keys.forget(tenantId);
  };
  return {
    areOffered: origin !== null,
    async forTenants(tenantIds) {
      let found = await keys.forTenants(store.engine, tenantIds);
      const missing = new Set(tenantIds.filter((id) => !found.has(id)));
      // Once in a tenant's life.
      for (const tenantId of missing) await make(tenantId, 1);
      if (missing.size > 0) found = await keys.forTenants(store.engine, tenantIds);
      return new Map(
        [...found].flatMap(([tenantId, { opened }]) => (opened ? [[tenantId, opened.links] as const] : [])),
      );
    },
    async open(token, purpose) {
      const tenantId = tenantOfToken(token);
      if (tenantId === null) return null;
      const found = (await keys.forTenants(store.engine, [tenantId])).get(tenantId);
      return found?.opened ? readToken(token, purpose, found.opened.key) : null;
    },
    async rotate(tenantId) {
      keys.forget(tenantId);
      const current = (await keys.forTenants(store.engine, [tenantId])).get(tenantId);
      await make(tenantId, (current?.version ?? 0) + 1);
    },
  };
}

/** What this process knows of a tenant's key. */
interface Known {
  version: number;
  /** Null for a key that does not open (a row that was tampered with): it must not stop the mails of other tenants. */
  opened: { key: Buffer; links: TenantLinks } | null;
}

function know(row: LinkKeyRow, masterKeys: MasterKeys, origin: string): Known {
  const { tenant_id: tenantId, version } = row;
  const secrets = openForTenant(row, { tenantId, thing: 'links', version }, masterKeys);
  if (!secrets?.key) return { version, opened: null };
  const key = Buffer.from(secrets.key, 'base64');
  return { version, opened: { key, links: linksOf(tenantId, key, origin) } };
}

function linksOf(tenantId: string, key: Buffer, origin: string): TenantLinks {
  const sign = (purpose: Purpose, { id, live }: LinkUser, detail: string) =>
    writeToken({ purpose, tenantId, userId: id, live, detail }, key);
  const link = (purpose: keyof typeof PATHS, user: LinkUser, detail: string) =>
    `${origin}/${PATHS[purpose]}/${sign(purpose, user, detail)}`;
  return {
    preferences: (user, channel) => link('preferences', user, channel ?? ''),
    unsubscribe: (user, topic) => link('unsubscribe', user, writeTopic(topic)),
    optIn: (user, topic) => link('opt-in', user, writeTopic(topic)),
    undo: (user, changes) => sign('undo', user, writeChanges(changes)),
  };
}

function writeTopic({ category, channel }: Topic): string {
  return `${category} ${channel}`;
}

/** What `unsubscribe` and `optIn` were made for. */
export function readTopic(detail: string): Topic {
  const [category, channel] = detail.split(' ') as [string, Channel];
  return { category, channel };
}
