import type { Categories, RuleBook, Ruled, Rules, TenantCategories } from '../rules/index.ts';
import type { Queryable } from '../store/index.ts';
import type { CompiledTemplate, Templates, WantedTemplate } from '../templates/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';
import { loadRecipients, type Recipients } from '../users/index.ts';
import { liveCandidates, type Standings, testCandidates } from './candidates.ts';
import { digestFor } from './collect.ts';
import type { Candidate } from './decide.ts';
import type { RoutableRow } from './store.ts';

/** Where the facts come from. */
export interface FactSources {
  templates: Pick<Templates, 'compiled'>;
  connections: Pick<Connections, 'forTenants'>;
  categories: Pick<Categories, 'forTenants'>;
  rules: Pick<Rules, 'forUsers'>;
  /** Without it all connections count as healthy. */
  standings?: Standings;
}

/** What the decisions of a batch go by, loaded for all of it at once. */
export interface Facts {
  recipients: Map<string, Recipients>;
  connections: Map<string, Connection[]>;
  /** By `tenant/live`. */
  candidates: Map<string, Candidate[]>;
  templates: Map<string, CompiledTemplate>;
  categories: Map<string, TenantCategories>;
  rules: RuleBook;
  /** Notifications whose ladder is stopped. */
  stopped: ReadonlySet<string>;
}

/** In a constant number of statements, however large the batch is. */
export async function loadFacts(
  sources: FactSources,
  db: Queryable,
  { rows, stopped }: { rows: RoutableRow[]; stopped: ReadonlySet<string> },
): Promise<Facts> {
  const recipients = await loadRecipients(
    db,
    rows.map((row) => ({ tenantId: row.tenantId, externalId: row.userId })),
  );
  const tenantIds = [...new Set(rows.map((row) => row.tenantId))];
  const connections = await sources.connections.forTenants(db, tenantIds);
  const wanted = rows.flatMap((row) => {
    const template = templateOf(row);
    return template ? [template] : [];
  });
  const templates = wanted.length > 0 ? await sources.templates.compiled(db, wanted) : new Map();
  const candidates = new Map<string, Candidate[]>();
  for (const tenantId of tenantIds) {
    const configured = connections.get(tenantId) ?? [];
    candidates.set(`${tenantId}/true`, liveCandidates(configured, sources.standings));
    candidates.set(`${tenantId}/false`, testCandidates(configured));
  }
  const categories = await sources.categories.forTenants(db, tenantIds);
  const rules = await sources.rules.forUsers(db, whoGetsWhat(rows, recipients, categories));
  return { recipients, connections, candidates, templates, categories, rules, stopped };
}

function whoGetsWhat(
  rows: RoutableRow[],
  recipients: Map<string, Recipients>,
  categories: Map<string, TenantCategories>,
): Ruled[] {
  return rows.flatMap((row) => {
    const { tenantId, userId } = row;
    const user = recipients.get(`${tenantId}/${userId}`)?.user;
    const category = categories.get(tenantId)!.of(row.category);
    const needsClock =
      row.request.window !== undefined || digestFor(row, category, null)?.window.at !== undefined;
    return user ? [{ user, category, needsClock }] : [];
  });
}

/** Looked at for the whole batch at once, so a row that nothing of ours has written must not throw here. */
export function templateOf({ tenantId, request }: RoutableRow): WantedTemplate | undefined {
  const { id, version } = (request.template ?? {}) as Record<string, unknown>;
  if (typeof id !== 'string') return undefined;
  return isVersion(version) ? { tenantId, id, version } : { tenantId, id };
}

function isVersion(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;
}
