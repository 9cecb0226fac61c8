import { Secret } from '../lib/secret.ts';
import type { Claimed } from '../queue/index.ts';
import { type MasterKeys, openForTenant } from '../tenants/index.ts';
import type { HookRow } from './store.ts';

export const MOMENTS = ['pre-send', 'post-send'] as const;
export type Moment = (typeof MOMENTS)[number];
/** What happens to a message whose hook failed: it is sent, or it waits. */
export const ON_FAILURE = ['open', 'closed'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** A hook of a tenant, ready to be called. */
export interface Hook {
  tenantId: string;
  id: string;
  moment: Moment;
  url: string;
  channels: string[];
  categories: string[];
  environments: string[];
  timeoutMs: number;
  onFailure: OnFailure;
  /** Tells its connections and its line from those of an earlier version. */
  key: string;
  /** Null when it can not be decrypted: every call fails then, and `onFailure` says what that means. */
  secret: Secret | null;
  /** The secret before it, which signs too until the time (ms since the epoch). */
  previous: { secret: Secret; until: number } | null;
}

export function placeOf(row: { tenant_id: string; id: string; version: number }) {
  return { tenantId: row.tenant_id, thing: `hook/${row.id}`, version: row.version };
}

export function openHook(row: HookRow, masterKeys: MasterKeys): Hook {
  const secrets = openForTenant(row, placeOf(row), masterKeys);
  const previous = secrets?.previous;
  return {
    tenantId: row.tenant_id,
    id: row.id,
    moment: row.moment as Moment,
    url: row.url,
    channels: row.channels,
    categories: row.categories,
    environments: row.environments,
    timeoutMs: row.timeout_ms,
    onFailure: row.on_failure as OnFailure,
    key: `hook/${row.tenant_id}/${row.id}/${row.version}/${row.updated_at.getTime()}`,
    secret: secrets?.current ? new Secret(secrets.current) : null,
    previous:
      previous && row.previous_until
        ? { secret: new Secret(previous), until: row.previous_until.getTime() }
        : null,
  };
}

/** The secrets that sign now. */
export function signersOf(hook: Hook, now: number): Secret[] {
  if (!hook.secret) return [];
  return hook.previous && now < hook.previous.until ? [hook.secret, hook.previous.secret] : [hook.secret];
}

/** Whether a delivery is among those that the hook wants to hear of. */
export function wants(hook: Hook, claimed: Pick<Claimed, 'channel' | 'category' | 'live'>): boolean {
  const isAmong = (list: string[], word: string) => list.length === 0 || list.includes(word);
  return (
    isAmong(hook.channels, claimed.channel) &&
    isAmong(hook.categories, claimed.category) &&
    isAmong(hook.environments, claimed.live ? 'live' : 'test')
  );
}
