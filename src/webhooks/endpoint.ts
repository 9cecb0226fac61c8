import { Secret } from '../lib/secret.ts';
import { type MasterKeys, openForTenant, type StoredSecrets } from '../tenants/index.ts';

/** What begins the names under which static headers are kept among the secrets. */
const HEADER = 'header:';

/** Why an endpoint was disabled by us; its owner needs to give no reason. */
export const DISABLED_REASONS = ['failing', 'gone'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** The facts about an endpoint that a call needs, as they come from the table. */
export interface CallableRow extends StoredSecrets {
  tenant_id: string;
  id: string;
  key: string;
  url: string;
  version: number;
  previous_until: Date | null;
}

/** An endpoint, ready to be called. */
export interface Endpoint {
  tenantId: string;
  id: string;
  key: string;
  url: string;
  /** Tells its connections from those of an earlier version. */
  connectionKey: string;
  /** Null when its secrets can not be decrypted: then it can not be called. */
  secret: Secret | null;
  /** The secret before it, which signs too until the time (ms since the epoch). */
  previous: { secret: Secret; until: number } | null;
  headers: Record<string, Secret>;
}

/** What a tenant wants kept secret about an endpoint. */
export interface EndpointSecrets {
  current?: string;
  previous?: string;
  headers: Record<string, string>;
}

export function placeOf(row: { tenant_id: string; id: string; version: number }) {
  return { tenantId: row.tenant_id, thing: `webhook/${row.id}`, version: row.version };
}

/** Null when they do not open. */
export function openSecrets(row: CallableRow, masterKeys: MasterKeys): EndpointSecrets | null {
  const opened = openForTenant(row, placeOf(row), masterKeys);
  if (!opened) return null;
  const { current, previous, ...rest } = opened;
  const headers = Object.entries(rest).map(([name, value]) => [name.slice(HEADER.length), value]);
  return { current, previous, headers: Object.fromEntries(headers) };
}

/** In the form in which they are sealed: a flat record. */
export function flatten({ current, previous, headers }: EndpointSecrets): Record<string, string> {
  return {
    ...(current === undefined ? {} : { current }),
    ...(previous === undefined ? {} : { previous }),
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [HEADER + name, value])),
  };
}

/** The names of the static headers, which are no secret. */
export function headerNames({ secrets }: Pick<CallableRow, 'secrets'>): string[] {
  return Object.keys(secrets.fields).flatMap((name) =>
    name.startsWith(HEADER) ? [name.slice(HEADER.length)] : [],
  );
}

export function openEndpoint(row: CallableRow, masterKeys: MasterKeys): Endpoint {
  const secrets = openSecrets(row, masterKeys);
  const { tenant_id: tenantId, id, key, url, previous_until } = row;
  return {
    tenantId,
    id,
    key,
    url,
    connectionKey: `webhook/${key}/${row.version}`,
    secret: secrets?.current ? new Secret(secrets.current) : null,
    previous:
      secrets?.previous && previous_until
        ? { secret: new Secret(secrets.previous), until: previous_until.getTime() }
        : null,
    headers: Object.fromEntries(
      Object.entries(secrets?.headers ?? {}).map(([name, value]) => [name, new Secret(value)]),
    ),
  };
}

/** The secrets that sign now. */
export function signersOf({ secret, previous }: Endpoint, now: number): Secret[] {
  if (!secret) return [];
  return previous && now < previous.until ? [secret, previous.secret] : [secret];
}
