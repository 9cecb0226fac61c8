import { randomUUID } from 'node:crypto';
import { invalidField, Problem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { EgressGuard } from '../lib/egress.ts';
import { checkWebhookSecret, makeWebhookSecret } from '../lib/standard-webhooks.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type MasterKeys, sealForTenant } from '../tenants/index.ts';
import { type EndpointSecrets, flatten, openSecrets, placeOf } from './endpoint.ts';
import {
  deleteEndpoint,
  deleteTrouble,
  type EndpointRow,
  findEndpoint,
  lockEndpoints,
  type SavedEndpoint,
  saveEndpoint,
  selectEndpointIds,
} from './endpoint-store.ts';

export const MAX_ENDPOINTS = 20;
/** What we say ourselves, and what is between two machines and no business of theirs (RFC 9110, 7.6.1). */
const OUR_HEADERS =
  /^(webhook-.*|content-.*|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|user-agent)$/;

export interface EndpointRequest {
  url: string;
  description?: string;
  types?: string[];
  channels?: string[];
  categories?: string[];
  environments?: string[];
  enabled?: boolean;
  secret?: string;
  headers?: Record<string, string>;
}

export interface ChangeOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
  guard: Pick<EgressGuard, 'checkUrl'>;
}

/** `secret` is set when it was made here: the only time that it can be seen. */
export interface Changed {
  row: EndpointRow;
  created: boolean;
  secret: string | null;
}

/**
 * Creates an endpoint or replaces it. A secret and headers that the request leaves out stay what they are; headers only as
 * long as the address does.
 */
export async function putEndpoint(
  options: ChangeOptions,
  { tenantId, id, request }: { tenantId: string; id: string; request: EndpointRequest },
): Promise<Changed> {
  checkUrl(request.url, options.guard);
  if (request.secret !== undefined) checkSecret(request.secret);
  const headers = request.headers && parseHeaders(request.headers);
  return options.store.scoped(tenantId, async (db) => {
    await lockEndpoints(db, tenantId);
    const old = await findEndpoint(db, tenantId, id);
    if (!old) await checkRoom(db, tenantId);
    const isNewSecret = request.secret !== undefined;
    const known = old && !(isNewSecret && headers) ? openAll(old, options.masterKeys) : { headers: {} };
    // Else whoever may change an endpoint, but not read its headers, could have them sent to himself. Signatures give
    // nothing away.
    if (old && old.url !== request.url && !headers && Object.keys(known.headers).length > 0)
      throw refuse('/headers', 'must be sent again, since "url" changes where they go');
    const made = old || isNewSecret ? null : makeWebhookSecret();
    const secrets: EndpointSecrets = {
      current: request.secret ?? made ?? known.current,
      // A secret that is sent anew is a correction, not a rotation: the old one ends at once.
      previous: isNewSecret ? undefined : known.previous,
      headers: headers ?? known.headers,
    };
    const previous_until = secrets.previous === undefined ? null : (old?.previous_until ?? null);
    const fields = { ...fieldsOf(request), previous_until, disabled_at: null, disabled_reason: null };
    // A fresh start.
    if (old && request.enabled !== false) await deleteTrouble(db, tenantId, old.key);
    const row = await save(db, options, { tenantId, id, old, fields, secrets });
    return { row, created: !old, secret: made };
  });
}

/** A new secret; the old one signs beside it until the overlap ends. */
export async function rotateSecret(
  options: ChangeOptions,
  change: { tenantId: string; id: string; overlapMs: number; secret?: string },
): Promise<Changed> {
  const { tenantId, id, overlapMs } = change;
  if (change.secret !== undefined) checkSecret(change.secret);
  return options.store.scoped(tenantId, async (db) => {
    await lockEndpoints(db, tenantId);
    const old = await findEndpoint(db, tenantId, id);
    if (!old) throw new Problem('webhook.not_found');
    const { current, headers } = openAll(old, options.masterKeys);
    const made = change.secret === undefined ? makeWebhookSecret() : null;
    const secrets: EndpointSecrets = { current: change.secret ?? made!, headers };
    if (current !== undefined && overlapMs > 0) secrets.previous = current;
    const previous_until = secrets.previous ? new Date(options.clock.now() + overlapMs) : null;
    const row = await save(db, options, { tenantId, id, old, fields: { ...old, previous_until }, secrets });
    return { row, created: false, secret: made };
  });
}

export async function removeEndpoint(
  { store }: Pick<ChangeOptions, 'store'>,
  tenantId: string,
  id: string,
): Promise<void> {
  const removed = await store.scoped(tenantId, async (db) => {
    const old = await findEndpoint(db, tenantId, id);
    if (old) await deleteTrouble(db, tenantId, old.key);
    return deleteEndpoint(db, tenantId, id);
  });
  if (!removed) throw new Problem('webhook.not_found');
}

type Fields = Omit<
  SavedEndpoint,
  'tenant_id' | 'id' | 'key' | 'secrets' | 'version' | 'created_at' | 'updated_at'
>;

async function save(
  db: Queryable,
  { clock, masterKeys }: ChangeOptions,
  what: { tenantId: string; id: string; old: EndpointRow | null; fields: Fields; secrets: EndpointSecrets },
): Promise<EndpointRow> {
  const { tenantId, id, old, fields } = what;
  const now = clock.now();
  const version = (old?.version ?? 0) + 1;
  const place = placeOf({ tenant_id: tenantId, id, version });
  await saveEndpoint(db, {
    ...fields,
    tenant_id: tenantId,
    id,
    key: old?.key ?? randomUUID(),
    secrets: await sealForTenant(db, { place, secrets: flatten(what.secrets), masterKeys, now }),
    version,
    created_at: old?.created_at ?? new Date(now),
    updated_at: new Date(now),
  });
  return (await findEndpoint(db, tenantId, id))!;
}

function fieldsOf(
  request: EndpointRequest,
): Omit<Fields, 'previous_until' | 'disabled_at' | 'disabled_reason'> {
  const { url, description, types, channels, categories, environments, enabled } = request;
  return {
    url,
    description: description ?? null,
    types: types ?? ['*'],
    channels: channels ?? [],
    categories: categories ?? [],
    environments: environments ?? [],
    enabled: enabled ?? true,
  };
}

function openAll(row: EndpointRow, masterKeys: MasterKeys): EndpointSecrets {
  const secrets = openSecrets(row, masterKeys);
  if (!secrets)
    throw refuse('/secret', 'and /headers must be sent again, since the stored ones can not be decrypted');
  return secrets;
}

async function checkRoom(db: Queryable, tenantId: string): Promise<void> {
  const ids = await selectEndpointIds(db, tenantId, MAX_ENDPOINTS);
  if (ids.length >= MAX_ENDPOINTS)
    throw new Problem('webhook.invalid', `A tenant has ${MAX_ENDPOINTS} webhook endpoints at most`);
}

/** A name is judged again, by its addresses, whenever it is called. */
function checkUrl(url: string, guard: ChangeOptions['guard']): void {
  const verdict = guard.checkUrl(url);
  if (!verdict.ok) throw refuse('/url', `can not be reached: ${verdict.why}`);
}

function parseHeaders(headers: Record<string, string>): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  for (const [name] of named)
    if (OUR_HEADERS.test(name)) throw invalidField(`/headers/${name}`, 'is not yours to set');
  return Object.fromEntries(named);
}

function checkSecret(secret: string): void {
  const broken = checkWebhookSecret(secret);
  if (broken) throw invalidField('/secret', broken);
}

function refuse(field: string, rule: string): Problem {
  return new Problem('webhook.invalid', `${field} ${rule}`, { errors: [{ field, rule }] });
}
