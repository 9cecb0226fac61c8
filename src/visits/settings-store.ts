import type { Queryable } from '../store/index.ts';
import type { TrackingSettings } from './settings.ts';

const COLUMNS = `enabled, opens, clicks, text_links as "textLinks", beacons, over_vendors as "overVendors", origin`;

/** Of several tenants; those that never said anything are missing. */
export async function selectTrackingSettings(
  db: Queryable,
  tenantIds: string[],
): Promise<Map<string, TrackingSettings>> {
  const { rows } = await db.query<TrackingSettings & { tenantId: string }>({
    name: 'select tracking settings',
    text: `select tenant_id as "tenantId", ${COLUMNS} from tracking_settings where tenant_id = any($1::uuid[])`,
    values: [tenantIds],
  });
  return new Map(rows.map(({ tenantId, ...settings }) => [tenantId, settings]));
}

export async function saveTrackingSettings(
  db: Queryable,
  { tenantId, now, ...settings }: TrackingSettings & { tenantId: string; now: Date },
): Promise<void> {
  const { enabled, opens, clicks, textLinks, beacons, overVendors, origin } = settings;
  await db.query(
    `insert into tracking_settings
       (tenant_id, enabled, opens, clicks, text_links, beacons, over_vendors, origin, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id) do update set
       enabled = excluded.enabled, opens = excluded.opens, clicks = excluded.clicks, text_links = excluded.text_links,
       beacons = excluded.beacons, over_vendors = excluded.over_vendors, origin = excluded.origin,
       updated_at = excluded.updated_at`,
    [tenantId, enabled, opens, clicks, textLinks, beacons, overVendors, origin, now],
  );
}
