import {
  createGroupCommit,
  registerAcceptRoutes,
  registerChangeRoutes,
  registerConfirmRoute,
  registerExplainRoutes,
  registerTestRoutes,
} from './accept/index.ts';
import { registerAudienceRoutes } from './audiences/index.ts';
import type { Config } from './config/index.ts';
import { registerConsentPages, registerConsentRoutes } from './consent/index.ts';
import { policiesOf, registerHealthRoutes } from './delivery/index.ts';
import { registerDigestRoutes } from './digests/index.ts';
import { registerFlagRoutes } from './flags/index.ts';
import { registerHookRoutes } from './hooks/index.ts';
import { createServer, type Server } from './http/index.ts';
import { registerInboxRoutes, registerStreamRoute, registerTokenRoutes, Streams } from './inbox/index.ts';
import { registerLedgerRoutes } from './ledger/index.ts';
import { observe, urlOf } from './observing.ts';
import { registerOtpRoutes, tellOtp } from './otp/index.ts';
import type { Parts, Stop } from './parts.ts';
import { registerRuleRoutes } from './rules/index.ts';
import { registerScheduleRoutes, schedulesUsing } from './schedules/index.ts';
import type { Simulator } from './simulator/index.ts';
import { registerTemplateRoutes } from './templates/index.ts';
import {
  createAllowedOrigins,
  createAuthenticator,
  createUserTokens,
  looksLikeUserToken,
  registerBrowserOriginRoutes,
  registerConnectionRoutes,
  registerKeyRoutes,
} from './tenants/index.ts';
import {
  applyVisits,
  createReceiptLane,
  registerTrackingRoutes,
  registerVisitRoutes,
  registerVisitsView,
  VisitLine,
} from './tracking/index.ts';
import { registerUserRoutes } from './users/index.ts';
import { registerTrackingSettings } from './visits/index.ts';
import { registerWebhookRoutes } from './webhooks/index.ts';

/** Of unknown keys, and of links that do not open, before an address is answered 429. */
const FAILURES_PER_SECOND_PER_ADDRESS = 20;
const ACCEPT_CONCURRENCY = 2;
/** Under load, requests are gathered this long before they are committed together; high priority is not. */
const BULK_COMMIT_INTERVAL_MS = 1;

/** The HTTP API of all rooms, listening. Returns its address. */
export async function startApi(
  config: Config,
  parts: Parts,
  version: string,
  stops: Stop[],
): Promise<string> {
  const { store, clock, wake, logger, templates, categories, connections, masterKeys, metrics, tracer } =
    parts;
  const authenticator = createAuthenticator({ store, clock, logger, bootstrapKey: config.bootstrapKey });
  const tokens = createUserTokens({ store, clock, masterKeys });
  const app = await createServer({
    authenticate: (token) => (looksLikeUserToken(token) ? tokens.authenticate(token) : authenticator(token)),
    allowedOrigins: createAllowedOrigins({ store, clock }),
    clock,
    logger,
    version,
    bodyLimit: config.bodyLimit,
    requestsPerSecondPerKey: config.keyRateLimit,
    authFailuresPerSecondPerAddress: FAILURES_PER_SECOND_PER_ADDRESS,
    trustProxy: config.trustProxy,
    metrics,
  });
  const line = {
    maxWaiting: config.acceptQueue,
    concurrency: store.kind === 'embedded' ? 1 : ACCEPT_CONCURRENCY,
  };
  const commits = {
    high: createGroupCommit(store.acceptHigh, clock, { ...line, line: 'high', metrics }),
    bulk: createGroupCommit(store.acceptBulk, clock, {
      ...line,
      line: 'bulk',
      metrics,
      intervalMs: Math.max(BULK_COMMIT_INTERVAL_MS, store.gatherMs),
    }),
  };
  metrics.beforeScrape(() => {
    for (const [name, commit] of Object.entries(commits))
      metrics.acceptWaiting.set({ line: name }, commit.waiting);
  });
  const { idempotencyMs, publicUrl } = config;
  registerAcceptRoutes(app, { store, clock, wake, templates, categories, commits, idempotencyMs, tracer });
  registerChangeRoutes(app, { store, templates, clock, wake });
  registerConfirmRoute(app, { store, clock, wake });
  registerLedgerRoutes(app, { store, clock, wake, loadPolicy: policiesOf(categories) });
  registerScheduleRoutes(app, { store, templates, clock, wake });
  registerDigestRoutes(app, { store });
  registerOtpRoutes(app, { ...parts, onEvent: tellOtp });
  registerUserRoutes(app, { store, clock });
  registerAudienceRoutes(app, { store, clock, wake });
  registerInboxRoutes(app, { store, clock, wake });
  const streams = new Streams({ store, clock, logger, wake, metrics, random: Math.random });
  registerStreamRoute(app, { store, streams });
  registerTokenRoutes(app, {
    store,
    clock,
    tokens,
    failuresPerSecondPerAddress: FAILURES_PER_SECOND_PER_ADDRESS,
  });
  registerBrowserOriginRoutes(app, { store, clock });
  registerTemplateRoutes(app, { store, clock, templates, usesOf: schedulesUsing });
  registerKeyRoutes(app, { store, clock, authenticator });
  registerConnectionRoutes(app, { store, clock, connections, masterKeys });
  const { hooks, flags, guard, hookTransport: transport, health } = parts;
  registerRuleRoutes(app, { store, clock, categories, rules: parts.rules });
  registerTestRoutes(app, { store, clock, wake, categories, commits });
  registerExplainRoutes(app, { ...parts, standings: health });
  registerHookRoutes(app, { store, clock, hooks, masterKeys, guard, transport });
  registerWebhookRoutes(app, { store, clock, wake, masterKeys, guard, transport });
  registerFlagRoutes(app, { store, clock, flags, settings: config.flags });
  registerConsentRoutes(app, { store, clock, links: parts.links });
  const failuresPerSecondPerAddress = FAILURES_PER_SECOND_PER_ADDRESS;
  await registerConsentPages(app, { ...parts, failuresPerSecondPerAddress });
  registerHealthRoutes(app, { clock, connections, health });
  const lane = createReceiptLane({ ...parts, maxWaiting: config.receipts.maxPosts });
  await registerTrackingRoutes(app, { ...parts, publicUrl, transport, lane, limits: config.receipts });
  await registerVisits(app, parts, stops);
  observe(app, config, parts, config.metrics.port === null);
  if (config.simulatorPage && parts.simulator) mountSimulator(app, parts.simulator);
  const usage = new AbortController();
  const saving = authenticator.run(usage.signal);
  stops.push(async () => {
    await app.close();
    await Promise.all([commits.high.drained(), commits.bulk.drained(), lane.drained()]);
    usage.abort();
    await saving;
  });
  await app.listen({ port: config.port, host: config.host });
  return urlOf(app, config);
}

/** Links, pictures and beacons; what is known of visits when the process ends is still written down. */
async function registerVisits(app: Server, parts: Parts, stops: Stop[]): Promise<void> {
  const { store, clock, metrics } = parts;
  const line = new VisitLine({ ...parts, apply: (visits) => applyVisits(parts, visits) });
  metrics.beforeScrape(() => metrics.visitsWaiting.set(line.waiting));
  stops.push(() => line.close());
  const failuresPerSecondPerAddress = FAILURES_PER_SECOND_PER_ADDRESS;
  await registerVisitRoutes(app, { ...parts, line, failuresPerSecondPerAddress });
  registerTrackingSettings(app, { store, clock, tracker: parts.tracker });
  registerVisitsView(app, { store });
}

/** The page is served by this server too, so that a newcomer needs one address only. */
function mountSimulator(app: Server, simulator: Simulator): void {
  const handle = (
    request: { raw: Parameters<Simulator['handle']>[0] },
    reply: { hijack(): unknown; raw: Parameters<Simulator['handle']>[1] },
  ) => {
    reply.hijack();
    simulator.handle(request.raw, reply.raw, '/simulator');
  };
  app.register(async (scope) => {
    // The page reads its own bodies.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: unknown, _payload: unknown, done: (error: null) => void) =>
      done(null),
    );
    for (const url of ['/simulator', '/simulator/*']) scope.all(url, { schema: { hide: true } }, handle);
  });
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/simulator'));
}
