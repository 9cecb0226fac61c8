import { type FieldProblem, Problem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type Field,
  getProvider,
  type Provider,
  parseConfig,
  SECRET_TYPES,
  splitSecrets,
} from '../providers/index.ts';
import type { Store } from '../store/index.ts';
import { openSecrets } from './connection.ts';
import {
  type ConnectionLimits,
  type ConnectionRow,
  deleteConnection,
  findConnection,
  lockConnectionId,
  saveConnection,
} from './connection-store.ts';
import { type Countries, checkCountries } from './countries.ts';
import type { MasterKeys } from './master-key.ts';
import { sealForTenant } from './tenant-secrets.ts';

/** What the API shows in place of a secret; sent back, it means "as it is". */
export const MASK = '[set]';

export interface ConnectionRequest {
  provider: string;
  name?: string;
  enabled?: boolean;
  priority?: number;
  weight?: number;
  app?: string | null;
  countries?: Countries | null;
  limits?: ConnectionLimits;
  config: Record<string, unknown>;
}

export interface ChangeOptions {
  store: Store;
  clock: Clock;
  masterKeys: MasterKeys;
}

const DEFAULT_PRIORITY = 100;
const DEFAULT_WEIGHT = 100;

/**
 * Creates a connection or replaces it. Secrets that the request leaves out stay what they are, unless the provider
 * changes; null or an empty text removes one.
 */
export async function putConnection(
  { store, clock, masterKeys }: ChangeOptions,
  { tenantId, id, request }: { tenantId: string; id: string; request: ConnectionRequest },
): Promise<{ row: ConnectionRow; created: boolean }> {
  const provider = getProvider(request.provider);
  if (!provider) throw refuse([{ field: '/provider', rule: 'names no provider (see GET /v1/providers)' }]);
  const countries = request.countries ?? null;
  const problems = checkCountries(countries, provider.channel);
  if (provider.needsApp && !request.app)
    problems.push({ field: '/app', rule: "must name the app whose devices have this vendor's tokens" });
  if (problems.length > 0) throw refuse(problems);
  return store.scoped(tenantId, async (db) => {
    await lockConnectionId(db, tenantId, id);
    const old = await findConnection(db, tenantId, id);
    const config = completeConfig(provider, request.config, old, masterKeys);
    const now = clock.now();
    const version = (old?.version ?? 0) + 1;
    const place = { tenantId, thing: id, version };
    const { plain, secrets } = splitSecrets(provider, config);
    await saveConnection(db, {
      tenant_id: tenantId,
      id,
      provider: provider.id,
      channel: provider.channel,
      name: request.name ?? provider.name,
      enabled: request.enabled ?? true,
      priority: request.priority ?? DEFAULT_PRIORITY,
      weight: request.weight ?? DEFAULT_WEIGHT,
      app: request.app ?? null,
      countries,
      config: plain,
      limits: request.limits ?? {},
      secrets: await sealForTenant(db, { place, secrets, masterKeys, now }),
      version,
      created_at: old?.created_at ?? new Date(now),
      updated_at: new Date(now),
    });
    return { row: (await findConnection(db, tenantId, id))!, created: !old };
  });
}

export async function removeConnection(
  { store }: Pick<ChangeOptions, 'store'>,
  tenantId: string,
  id: string,
): Promise<void> {
  const removed = await store.scoped(tenantId, (db) => deleteConnection(db, tenantId, id));
  if (!removed) throw new Problem('connection.not_found');
}

/** The configuration of the request with the stored secrets that it leaves out; refused when it breaks a rule. */
function completeConfig(
  provider: Provider,
  requested: Record<string, unknown>,
  old: ConnectionRow | null,
  masterKeys: MasterKeys,
): Record<string, unknown> {
  const config: Record<string, unknown> = { ...requested };
  const secretFields = secretFieldsOf(provider);
  const omitted = secretFields.filter((field) => config[field] === undefined || config[field] === MASK);
  for (const field of secretFields) {
    if ([MASK, null, ''].includes(config[field] as string | null)) delete config[field];
  }
  const stored = old?.provider === provider.id ? old.secrets.fields : {};
  const kept = omitted.filter((field) => Object.hasOwn(stored, field));
  if (old && kept.length > 0) Object.assign(config, keepSecrets(provider, { old, config, kept, masterKeys }));
  const parsed = parseConfig(provider, config);
  if ('problems' in parsed) {
    throw refuse(parsed.problems.map(({ path, rule }) => ({ field: `/config${path}`, rule })));
  }
  return config;
}

function keepSecrets(
  provider: Provider,
  change: { old: ConnectionRow; config: Record<string, unknown>; kept: string[]; masterKeys: MasterKeys },
): Record<string, string> {
  const { old, config, kept, masterKeys } = change;
  const demand = (why: string) =>
    refuse(kept.map((field) => ({ field: `/config/${field}`, rule: `must be sent again, since ${why}` })));
  const { plain } = splitSecrets(provider, config);
  // Else whoever may change a connection, but not read its secrets, could have them sent to himself.
  const moved = addressFieldsOf(provider).find((field) => plain[field] !== old.config[field]);
  if (moved) throw demand(`"${moved}" changes where it goes`);
  const secrets = openSecrets(old, masterKeys);
  if (!secrets) throw demand('the stored one can not be decrypted');
  return Object.fromEntries(kept.map((field) => [field, secrets[field]!]));
}

function secretFieldsOf(provider: Provider): string[] {
  return Object.keys(provider.fields).filter((name) => SECRET_TYPES.includes(provider.fields[name]!.type));
}

/** The settings that say which server gets the secrets. */
function addressFieldsOf(provider: Provider): string[] {
  const movers = Object.entries<Field>(provider.fields).filter(
    ([, { type, movesSecrets }]) => type === 'url' || movesSecrets,
  );
  return ['baseUrl', 'host', ...movers.map(([name]) => name)];
}

function refuse(errors: FieldProblem[]): Problem {
  const detail = errors.map(({ field, rule }) => `${field} ${rule}`).join('; ');
  return new Problem('connection.invalid', detail, { errors });
}
