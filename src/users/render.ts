import type { DeviceRow } from './device-store.ts';
import type { DeviceAnswer, UserAnswer, UserSummary } from './schema.ts';
import type { ContactRow, UserRow } from './store.ts';

const HINT_LENGTH = 6;

export function renderUser(user: UserRow, contacts: ContactRow[], devices: DeviceRow[]): UserAnswer {
  return {
    ...renderSummary(user),
    contacts: Object.fromEntries(contacts.map((contact) => [contact.kind, renderContact(contact)])),
    devices: devices.map(renderDevice),
  };
}

export function renderSummary(user: UserRow): UserSummary {
  return {
    id: user.id,
    externalId: user.external_id,
    locale: user.locale,
    timezone: user.timezone,
    attributes: user.attributes,
    createdAt: user.created_at.toISOString(),
    updatedAt: user.updated_at.toISOString(),
  };
}

/** Without the token: whoever reads users has no need to write to their devices. */
export function renderDevice(device: DeviceRow): DeviceAnswer {
  return {
    id: device.id,
    app: device.app,
    platform: device.platform,
    tokenHint: device.token.slice(-HINT_LENGTH),
    appVersion: device.app_version,
    state: device.inactive_at ? 'inactive' : 'active',
    reason: device.inactive_reason,
    registeredAt: device.registered_at.toISOString(),
    lastActiveAt: device.last_active_at.toISOString(),
  };
}

function renderContact({ address, suppressed_reason, inactive_at, inactive_reason }: ContactRow) {
  if (suppressed_reason !== null) {
    return { address, state: 'suppressed' as const, reason: suppressed_reason };
  }
  return {
    address,
    state: inactive_at ? ('inactive' as const) : ('active' as const),
    reason: inactive_reason,
  };
}
