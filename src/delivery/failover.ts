import { getProvider, type Platform } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { type Choosable, choose } from '../routing/index.ts';
import type { Connection } from '../tenants/index.ts';
import type { Gates } from './gates.ts';
import type { Alternative } from './settle.ts';

/**
 * The best other connection that reaches the same recipient, is healthy, can start now and was not tried in this
 * round, or null.
 */
export function findAlternative(
  claimed: Claimed,
  connections: Connection[],
  gates: Gates,
  now: number,
): Alternative | null {
  // What nobody knows whether it was sent must not be sent a second time by somebody else.
  if (!claimed.live || claimed.choice?.pinned) return null;
  const usable = connections.filter((connection) => {
    if (connection.id === claimed.connection || connection.channel !== claimed.channel) return false;
    if (claimed.choice?.tried?.includes(connection.id)) return false;
    if (claimed.device && !reachesDevice(connection, claimed.device)) return false;
    if (!reachesSameContacts(connection, claimed)) return false;
    const gate = gates.of(claimed.tenantId, connection.id);
    return !gate.isBroken && gate.opensAt(now) <= now;
  });
  const candidates = usable.map((connection): Choosable & { connection: Connection } => ({
    id: connection.id,
    priority: connection.priority,
    weight: connection.weight,
    countries: connection.countries,
    standing: gates.standing(connection),
    connection,
  }));
  const phone = claimed.channel === 'sms' ? (claimed.contact?.address ?? null) : null;
  const { chosen } = choose(candidates, { lot: lotOf(claimed.id), phone });
  return chosen ? { connection: chosen.id, provider: chosen.connection.providerId } : null;
}

/** Where all that waits at a broken connection can go: a wholly healthy one that reaches all the same recipients. */
export function findShelter(
  from: Connection,
  connections: Connection[],
  gates: Gates,
  now: number,
): Alternative | null {
  if (!canShareRecipients(from.providerId)) return null;
  const platforms = platformsOf(from);
  const usable = connections.filter(
    (other) =>
      other.id !== from.id &&
      other.channel === from.channel &&
      reachesSameContacts(other, { ...from, provider: from.providerId }) &&
      other.countries === null &&
      (other.app === null || other.app === from.app) &&
      platforms.every((platform) => platformsOf(other).includes(platform)) &&
      gates.standing(other).share === 1 &&
      gates.of(other.tenantId, other.id).opensAt(now) <= now,
  );
  const best = usable.toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1))[0];
  return best ? { connection: best.id, provider: best.providerId } : null;
}

/** The random end of a UUIDv7 as a number in [0, 1). */
function lotOf(id: string): number {
  return Number.parseInt(id.slice(-8), 16) / 2 ** 32;
}

/** False for targets that are the connection's own (a team's webhook): another connection reaches somebody else. */
export function canShareRecipients(providerId: string | null): boolean {
  return providerId !== null && getProvider(providerId)?.reaches !== 'connection';
}

/**
 * The tokens of devices are the vendor's who gave them: another one would call them dead, and they would be written off.
 * Chat services know a person by ids of their own, and a room's robot reaches the room instead of him.
 */
function reachesSameContacts(
  connection: Connection,
  from: { provider: string | null; contactKind?: string | null },
): boolean {
  const { providerId, channel } = connection;
  if (!canShareRecipients(providerId)) return false;
  if (channel === 'chat') return kindOf(connection) === (from.contactKind ?? kindOfProvider(from.provider));
  return from.provider === null || providerId === from.provider || !reachesDevices(providerId);
}

function kindOf({ contactKind, providerId }: Connection): string | undefined {
  return contactKind ?? kindOfProvider(providerId);
}

function kindOfProvider(providerId: string | null): string | undefined {
  return providerId === null ? undefined : getProvider(providerId)?.contactKind;
}

function reachesDevices(providerId: string): boolean {
  return getProvider(providerId)?.reaches === 'device';
}

function reachesDevice(connection: Connection, device: { app: string; platform: string }): boolean {
  return (
    platformsOf(connection).includes(device.platform as Platform) &&
    (connection.app === null || connection.app === device.app)
  );
}

function platformsOf({ providerId }: Connection): readonly Platform[] {
  return getProvider(providerId)?.supports.platforms ?? [];
}
