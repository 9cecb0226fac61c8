import { getProvider, type Platform } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { Connection } from '../tenants/index.ts';
import type { Gates } from './gates.ts';

/** The best other connection that reaches the same recipient and whose breaker is closed, or null. */
export function findAlternative(
  claimed: Claimed,
  connections: Connection[],
  gates: Gates,
  now: number,
): { connection: string; provider: string } | null {
  // Only over the connection it went out on can the vendor's key or a replacing message hide a duplicate.
  if (!claimed.live || claimed.mayHaveArrived) return null;
  const usable = connections.filter((connection) => {
    if (connection.id === claimed.connection || connection.channel !== claimed.channel) return false;
    if (claimed.device && !reachesDevice(connection, claimed.device)) return false;
    const gate = gates.of(claimed.tenantId, connection.id);
    return !gate.isBroken && gate.opensAt(now) <= now;
  });
  const best = usable.toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1))[0];
  return best ? { connection: best.id, provider: best.providerId } : null;
}

function reachesDevice(connection: Connection, device: { app: string; platform: string }): boolean {
  const platforms = getProvider(connection.providerId)?.supports.platforms ?? [];
  return (
    platforms.includes(device.platform as Platform) &&
    (connection.app === null || connection.app === device.app)
  );
}
