import { type Static, Type } from 'typebox';
import {
  ENVIRONMENTS,
  type Environment,
  FLAG_NAMES,
  FLAGS,
  type FlagName,
  type FlagSetting,
} from '../config/index.ts';
import { Exact, OneOf, Problem, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { type Flags, SOURCES, valueInForce } from './flags.ts';
import { deleteFlagValues, type FlagValueRow, saveFlagValues, selectFlagValues } from './store.ts';

export interface FlagRouteOptions {
  store: Store;
  clock: Clock;
  settings: FlagSetting[];
  flags: Pick<Flags, 'forget'>;
}

const FlagPath = Type.Object({ name: Type.String({ maxLength: 64, description: 'Name of the flag' }) });
const AnEnvironment = OneOf(ENVIRONMENTS, { description: 'Both when absent' });
const Percentage = Type.Number({ minimum: 0, maximum: 100, description: '0 is off, 100 is on' });
const FlagBody = Exact({ percentage: Percentage, environment: Type.Optional(AnEnvironment) });
const Value = Type.Object({
  percentage: Percentage,
  source: OneOf(SOURCES, { description: "The tenant's own value, BELLHOP_FLAGS, or the default" }),
});
const FlagAnswer = Type.Object({
  name: Type.String(),
  description: Type.String(),
  live: Value,
  test: Value,
});

const about = (summary: string, description?: string) => ({ tags: ['Flags'], summary, description });
const config = { scope: 'owner' } as const;

export function registerFlagRoutes(app: Server, options: FlagRouteOptions): void {
  addList(app, options);
  addPut(app, options);
  addDelete(app, options);
}

function addList(app: Server, options: FlagRouteOptions): void {
  const schema = {
    ...about('List feature flags', 'All there are, with the value in force and where it comes from.'),
    response: responses({ 200: Type.Object({ items: Type.Array(FlagAnswer) }) }),
  };
  app.get('/v1/flags', { config, schema }, async (request) => {
    const own = await loadOwn(options, request.credential.tenantId);
    return { items: FLAG_NAMES.map((flag) => show(flag, own, options.settings)) };
  });
}

function addPut(app: Server, options: FlagRouteOptions): void {
  const schema = {
    ...about('Set a feature flag for this tenant', 'In force in all processes within two seconds.'),
    params: FlagPath,
    body: FlagBody,
    response: responses({ 200: FlagAnswer }),
  };
  app.put('/v1/flags/:name', { config, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { percentage, environment } = request.body;
    const flag = knownFlag(request.params.name);
    const now = new Date(options.clock.now());
    const value = { tenantId, flag, environments: environmentsOf(environment), percentage, now };
    await options.store.scoped(tenantId, (db) => saveFlagValues(db, value));
    options.flags.forget(tenantId);
    return show(flag, await loadOwn(options, tenantId), options.settings);
  });
}

function addDelete(app: Server, options: FlagRouteOptions): void {
  const schema = {
    ...about("Remove this tenant's own value of a feature flag"),
    params: FlagPath,
    querystring: Exact({ environment: Type.Optional(AnEnvironment) }),
    response: responses({ 200: FlagAnswer }),
  };
  app.delete('/v1/flags/:name', { config, schema }, async (request) => {
    const { tenantId } = request.credential;
    const flag = knownFlag(request.params.name);
    const value = { tenantId, flag, environments: environmentsOf(request.query.environment) };
    await options.store.scoped(tenantId, (db) => deleteFlagValues(db, value));
    options.flags.forget(tenantId);
    return show(flag, await loadOwn(options, tenantId), options.settings);
  });
}

function loadOwn({ store }: FlagRouteOptions, tenantId: string): Promise<FlagValueRow[]> {
  return store.scoped(tenantId, (db) => selectFlagValues(db, [tenantId]));
}

function knownFlag(name: string): FlagName {
  const flag = FLAG_NAMES.find((known) => known === name);
  if (!flag) throw new Problem('flag.not_found');
  return flag;
}

function environmentsOf(environment: Environment | undefined): Environment[] {
  return environment ? [environment] : [...ENVIRONMENTS];
}

function show(flag: FlagName, own: FlagValueRow[], settings: FlagSetting[]): Static<typeof FlagAnswer> {
  const { description } = FLAGS[flag];
  const valueIn = (environment: Environment) => valueInForce({ flag, environment }, own, settings);
  return { name: flag, description, live: valueIn('live'), test: valueIn('test') };
}
