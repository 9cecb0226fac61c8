import { type Channel, getProvider, parseConfig } from '../providers/index.ts';
import type { ConnectionLimits, ConnectionRow } from './connection-store.ts';
import type { Countries } from './countries.ts';
import type { MasterKeys } from './master-key.ts';
import { openForTenant } from './tenant-secrets.ts';
import type { HeldTemplates } from './vendor-template.ts';

/** One configured account at a provider, ready for use. */
export interface Connection {
  tenantId: string;
  id: string;
  providerId: string;
  channel: Channel;
  enabled: boolean;
  /** The lowest number is tried first. */
  priority: number;
  weight: number;
  /** The only app whose devices it reaches; null for all. */
  app: string | null;
  /** Which countries it serves; null for all. */
  countries: Countries | null;
  /** Which of a user's contacts it writes to, where it says so itself. */
  contactKind?: string;
  /** Go before what the provider declares. */
  limits: ConnectionLimits;
  /** Starts a second of its tenant by channel, where the operator has set one. */
  tenantRates: Partial<Record<Channel, number>>;
  /** Texts that its vendor keeps and does not deliver now. */
  heldTemplates: HeldTemplates;
  /** Counts changes. A connection that was deleted and made again begins at 1; `updatedAt` tells the two apart. */
  version: number;
  /** Milliseconds since the epoch. */
  updatedAt: number;
  /** What `provider.request` takes; secrets are `Secret` values. */
  config: Record<string, unknown>;
  /** Where the vendor's API is, if not at the provider's default. */
  baseUrl?: string;
}

/** Decrypts and parses a row. A problem is a text for the caller of the API and holds no value of the row. */
export function openConnection(
  row: ConnectionRow,
  keys: MasterKeys,
): { connection: Connection } | { problem: string } {
  const provider = getProvider(row.provider);
  if (!provider) return { problem: `This version has no provider "${row.provider}"` };
  const secrets = openSecrets(row, keys);
  if (!secrets) return { problem: 'Its secrets can not be decrypted with the present master keys' };
  const parsed = parseConfig(provider, { ...row.config, ...secrets });
  if ('problems' in parsed) {
    const rules = parsed.problems.map(({ path, rule }) => `${path} ${rule}`);
    return { problem: `Its configuration is not valid: ${rules.join(', ')}` };
  }
  return {
    connection: {
      tenantId: row.tenant_id,
      id: row.id,
      providerId: row.provider,
      channel: provider.channel,
      enabled: row.enabled,
      priority: row.priority,
      weight: row.weight,
      app: row.app,
      countries: row.countries,
      ...(parsed.config.contactKind && { contactKind: parsed.config.contactKind }),
      limits: row.limits,
      tenantRates: tenantRatesOf(row.tenant_limits),
      heldTemplates: row.held_templates,
      version: row.version,
      updatedAt: row.updated_at.getTime(),
      config: parsed.config,
      baseUrl: parsed.baseUrl,
    },
  };
}

/** The plain texts of a row's secrets, or null when they do not open. */
export function openSecrets(row: ConnectionRow, keys: MasterKeys): Record<string, string> | null {
  const place = { tenantId: row.tenant_id, thing: row.id, version: row.version };
  return openForTenant(row, place, keys);
}

/** Written by hand into the database, so what is no rate is left out: it must not stop the tenant. */
function tenantRatesOf(limits: Record<string, unknown>): Connection['tenantRates'] {
  const { rates } = limits;
  if (typeof rates !== 'object' || rates === null) return {};
  return Object.fromEntries(
    Object.entries(rates).filter(([, rate]) => Number.isFinite(rate) && (rate as number) > 0),
  );
}
