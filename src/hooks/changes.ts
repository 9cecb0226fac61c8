import { invalidField, Problem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { EgressGuard } from '../lib/egress.ts';
import { checkWebhookSecret, makeWebhookSecret } from '../lib/standard-webhooks.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type MasterKeys, openForTenant, sealForTenant } from '../tenants/index.ts';
import { type Moment, type OnFailure, placeOf } from './hook.ts';
import {
  deleteHook,
  findHook,
  type HookRow,
  lockHooks,
  type SavedHook,
  saveHook,
  selectHookIds,
} from './store.ts';

export const MAX_HOOKS = 10;
export const DEFAULT_TIMEOUT_MS = 300;

export interface HookRequest {
  moment: Moment;
  url: string;
  secret?: string;
  channels?: string[];
  categories?: string[];
  environments?: string[];
  timeoutMs?: number;
  onFailure: OnFailure;
  enabled?: boolean;
}

export interface ChangeOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
  guard: Pick<EgressGuard, 'checkUrl'>;
}

/** `secret` is set when it was made here: the only time that it can be seen. */
export interface Changed {
  row: HookRow;
  created: boolean;
  secret: string | null;
}

/** Creates a hook or replaces it. A secret that the request leaves out stays what it is, or is made for a new hook. */
export async function putHook(
  options: ChangeOptions,
  { tenantId, id, request }: { tenantId: string; id: string; request: HookRequest },
): Promise<Changed> {
  checkUrl(request.url, options.guard);
  if (request.secret !== undefined) checkSecret(request.secret);
  return options.store.scoped(tenantId, async (db) => {
    await lockHooks(db, tenantId);
    const old = await findHook(db, tenantId, id);
    if (!old) await checkRoom(db, tenantId);
    const made = old || request.secret !== undefined ? null : makeWebhookSecret();
    const secrets = request.secret === undefined && old ? openAll(old, options.masterKeys) : {};
    const given = request.secret ?? made;
    if (given) secrets.current = given;
    // A secret that is sent anew is a correction, not a rotation: the old one ends at once.
    if (request.secret !== undefined) delete secrets.previous;
    const fields = fieldsOf(request);
    const previous_until = secrets.previous === undefined ? null : (old?.previous_until ?? null);
    const row = await save(db, options, {
      tenantId,
      id,
      old,
      fields: { ...fields, previous_until },
      secrets,
    });
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
    await lockHooks(db, tenantId);
    const old = await findHook(db, tenantId, id);
    if (!old) throw new Problem('hook.not_found');
    const { current } = openAll(old, options.masterKeys);
    const made = change.secret === undefined ? makeWebhookSecret() : null;
    const secrets: Record<string, string> = { current: change.secret ?? made! };
    if (current !== undefined && overlapMs > 0) secrets.previous = current;
    const previous_until = secrets.previous ? new Date(options.clock.now() + overlapMs) : null;
    const row = await save(db, options, { tenantId, id, old, fields: { ...old, previous_until }, secrets });
    return { row, created: false, secret: made };
  });
}

export async function removeHook(
  { store }: Pick<ChangeOptions, 'store'>,
  tenantId: string,
  id: string,
): Promise<void> {
  const removed = await store.scoped(tenantId, (db) => deleteHook(db, tenantId, id));
  if (!removed) throw new Problem('hook.not_found');
}

type Fields = Omit<SavedHook, 'tenant_id' | 'id' | 'secrets' | 'version' | 'created_at' | 'updated_at'>;

async function save(
  db: Queryable,
  { clock, masterKeys }: ChangeOptions,
  what: {
    tenantId: string;
    id: string;
    old: HookRow | null;
    fields: Fields;
    secrets: Record<string, string>;
  },
): Promise<HookRow> {
  const { tenantId, id, old, fields, secrets } = what;
  const now = clock.now();
  const version = (old?.version ?? 0) + 1;
  const place = placeOf({ tenant_id: tenantId, id, version });
  await saveHook(db, {
    ...fields,
    tenant_id: tenantId,
    id,
    secrets: await sealForTenant(db, { place, secrets, masterKeys, now }),
    version,
    created_at: old?.created_at ?? new Date(now),
    updated_at: new Date(now),
  });
  return (await findHook(db, tenantId, id))!;
}

function fieldsOf(request: HookRequest): Omit<Fields, 'previous_until'> {
  const { moment, url, channels, categories, environments, timeoutMs, onFailure, enabled } = request;
  return {
    moment,
    url,
    channels: channels ?? [],
    categories: categories ?? [],
    environments: environments ?? [],
    timeout_ms: timeoutMs ?? DEFAULT_TIMEOUT_MS,
    on_failure: onFailure,
    enabled: enabled ?? true,
  };
}

/** Signatures give nothing away, so the secret may stay when the address changes. */
function openAll(row: HookRow, masterKeys: MasterKeys): Record<string, string> {
  const secrets = openForTenant(row, placeOf(row), masterKeys);
  if (!secrets) throw refuse('/secret', 'must be sent again, since the stored one can not be decrypted');
  return secrets;
}

async function checkRoom(db: Queryable, tenantId: string): Promise<void> {
  const ids = await selectHookIds(db, tenantId, MAX_HOOKS);
  if (ids.length >= MAX_HOOKS) throw new Problem('hook.invalid', `A tenant has ${MAX_HOOKS} hooks at most`);
}

/** A name is judged again, by its addresses, whenever it is called. */
function checkUrl(url: string, guard: ChangeOptions['guard']): void {
  const verdict = guard.checkUrl(url);
  if (!verdict.ok) throw refuse('/url', `can not be reached: ${verdict.why}`);
}

function checkSecret(secret: string): void {
  const broken = checkWebhookSecret(secret);
  if (broken) throw invalidField('/secret', broken);
}

function refuse(field: string, rule: string): Problem {
  return new Problem('hook.invalid', `${field} ${rule}`, { errors: [{ field, rule }] });
}
