import type { Queryable } from '../store/index.ts';
import { type OtpSettings, type SettingsBody, settingsFrom } from './settings.ts';

export async function loadSettings(db: Queryable, tenantId: string): Promise<OtpSettings> {
  const { rows } = await db.query<{ settings: SettingsBody }>({
    name: 'otp_settings',
    text: 'select settings from otp_settings where tenant_id = $1',
    values: [tenantId],
  });
  return settingsFrom(rows[0]?.settings ?? {});
}

export async function saveSettings(
  db: Queryable,
  { tenantId, settings, now }: { tenantId: string; settings: SettingsBody; now: Date },
): Promise<void> {
  await db.query(
    `insert into otp_settings (tenant_id, settings, updated_at) values ($1, $2, $3)
     on conflict (tenant_id) do update set settings = excluded.settings, updated_at = excluded.updated_at`,
    [tenantId, JSON.stringify(settings), now],
  );
}
