import type { KeyObject } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import {
  decideTracking,
  type TrackedFacts,
  type TrackingSettings,
  UNTRACKED,
  type Wanted,
} from './settings.ts';
import { selectTrackingSettings } from './settings-store.ts';
import { type Kind, readTracked, type Tracked, toSigningKey, writeHead, writeTracked } from './token.ts';

/** Which message is tracked. */
export interface TrackedDelivery {
  id: string;
  tenantId: string;
  /** When its attempt began (ms since the epoch). */
  startedAt: number;
}

/** The addresses by which visits to one message are known; each is signed when it is asked for. */
export interface MessageTracking {
  wanted: Wanted;
  /** Whether an address is one of ours already: a page for users, or tracked. */
  isOurs(url: string): boolean;
  /** Of the link with this number. */
  link(url: string, link: number): string;
  pixel(): string;
  /** Where what is shown says so, and as what. */
  beacon(): { url: string; token: string };
}

export interface Tracker {
  /** Where tracked addresses lead unless a tenant has his own; null when this installation has none that users could open. */
  readonly origin: string | null;
  /** What tenants want to know; missing where they said nothing. At most two seconds old. */
  forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, TrackingSettings>>;
  /** Call it after a change was committed. */
  forget(tenantId: string): void;
  /** Null when nothing of this message is tracked. Pure. */
  of(
    delivery: TrackedDelivery,
    facts: TrackedFacts,
    settings: TrackingSettings | undefined,
  ): MessageTracking | null;
  /** What a token says; null when it is not ours, was changed, or is of another kind. Asks nobody. */
  open(token: string, kind: Kind): Tracked | null;
}

export interface TrackerOptions {
  clock: Clock;
  /** See `loadVisitsKey`. */
  key: Buffer;
  origin: string | null;
}

const PATHS = { link: 'l', pixel: 'o' } as const;
/** Our own addresses for users, of consent and of tracking. */
const OWN_PATH = /^\/[puclo]\//;

export function createTracker({ clock, key: bytes, origin }: TrackerOptions): Tracker {
  const key = toSigningKey(bytes);
  const cache = new TenantCache<TrackingSettings>(clock, selectTrackingSettings);
  return {
    origin,
    forTenants: (db, tenantIds) => cache.forTenants(db, tenantIds),
    forget: (tenantId) => cache.forget(tenantId),
    of(delivery, facts, settings) {
      const to = settings?.origin ?? origin;
      if (to === null) return null;
      // A category may want it where the tenant said nothing of it.
      const wanted = decideTracking(facts, settings ?? UNTRACKED);
      return wanted && trackingOf(delivery, { wanted, key, to, own: origin });
    },
    open: (token, kind) => readTracked(token, kind, key),
  };
}

function trackingOf(
  { id, tenantId, startedAt }: TrackedDelivery,
  { wanted, key, to, own }: { wanted: Wanted; key: KeyObject; to: string; own: string | null },
): MessageTracking {
  const head = writeHead({ tenantId, deliveryId: id, sentAt: startedAt });
  const sign = (kind: Kind, link = 0, url = '') => writeTracked(head, { kind, link, url }, key);
  const origins = own === null ? [to] : [to, own];
  return {
    wanted,
    isOurs: (url) =>
      origins.some((origin) => url.startsWith(origin) && OWN_PATH.test(url.slice(origin.length))),
    link: (url, link) => `${to}/${PATHS.link}/${sign('link', link, url)}`,
    pixel: () => `${to}/${PATHS.pixel}/${sign('pixel')}`,
    beacon: () => ({ url: `${to}/v1/beacons`, token: sign('beacon') }),
  };
}
