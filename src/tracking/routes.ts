import { Type } from 'typebox';
import { heedSmsWishes, readSmsWishes } from '../consent/index.ts';
import { Problem, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { getProvider, type InboundMessage, type Provider } from '../providers/index.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { Metrics, Tracer } from '../telemetry/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';
import { applyReceipts, countEnds } from './apply.ts';
import { countReceipts } from './counts.ts';
import { loadSubjects, type MatchedReceipt } from './store.ts';
import { type ReceiptSource, receiptFacts } from './trace.ts';
import { createVendorPages, type PageTransport, type VendorPages } from './vendor-pages.ts';

export interface TrackingOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  connections: Pick<Connections, 'get'>;
  /** How vendors see this installation; signatures cover the URL they requested, not the one that arrives here. */
  publicUrl: string | undefined;
  /** Told that routing has something to do. */
  wake?: Pick<Wake, 'signal'>;
  metrics?: Metrics;
  tracer?: Tracer;
  /** By id; the registry's by default. */
  providerOf?: (id: string) => Provider | undefined;
  /** The way to vendors' certificates, and to where they are told that their posts are wanted. */
  transport?: PageTransport;
  /** Learns what receipts say of a connection. */
  health: { of(connection: Connection): { reported(delivered: number, undelivered: number): void } };
}

/** SendGrid gathers up to 768 KiB of events in a post, Mailchimp a thousand events. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024;

const Path = Type.Object({
  tenant: Type.String({ format: 'uuid' }),
  connection: Type.String({ maxLength: 64 }),
});

/**
 * `POST /v1/receipts/{tenant}/{connection}`: what vendors report later, verified by each vendor's own scheme on the raw
 * bytes. Some vendors report by GET, with everything in the query.
 */
export async function registerTrackingRoutes(app: Server, options: TrackingOptions): Promise<void> {
  const { providerOf = getProvider } = options;
  const pages = options.transport && createVendorPages(options.transport);
  await app.register(async (scope) => {
    // Signatures are over bytes: nothing may be parsed before they are checked.
    scope.removeAllContentTypeParsers();
    const bodyLimit = Math.max(MAX_BATCH_BYTES, scope.initialConfig.bodyLimit ?? 0);
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit },
      async (_request: unknown, body: Buffer) => body,
    );
    // Mailchimp looks whether anybody is here before it makes a webhook.
    scope.head(
      '/v1/receipts/:tenant/:connection',
      { schema: { hide: true, params: Path } },
      async (request, reply) => {
        const { tenant, connection } = request.params as { tenant: string; connection: string };
        const found = await options.connections.get(tenant, connection);
        return reply.code(found && providerOf(found.providerId)?.receipts ? 200 : 404).send();
      },
    );
    scope.route({
      method: ['GET', 'POST'],
      url: '/v1/receipts/:tenant/:connection',
      exposeHeadRoute: false,
      schema: { tags: ['Receipts'], summary: 'Called by providers', params: Path },
      handler: async (request, reply) => {
        const { tenant, connection } = request.params as { tenant: string; connection: string };
        // A disabled connection sends nothing more, but what it sent is still reported on.
        const found = await options.connections.get(tenant, connection);
        const receipts = found && providerOf(found.providerId)?.receipts;
        if (!found || !receipts)
          throw new Problem('connection.not_found', 'No connection that takes receipts is at this address');
        const received = {
          method: request.method,
          url: `${options.publicUrl ?? `${request.protocol}://${request.host}`}${request.url}`,
          headers: request.headers as Record<string, string>,
          body: (request.body as Buffer | undefined) ?? Buffer.alloc(0),
        };
        const now = options.clock.now();
        const certificate = await loadCertificate(
          receipts.certificateUrl?.(received, found.config as never),
          pages,
        );
        const verified = receipts.verify(received, found.config as never, { now, certificate });
        const shaken = receipts.handshake?.(received, found.config as never, { now, verified });
        if (shaken) return reply.code(200).type(shaken.contentType).send(shaken.body);
        if (!verified) throw new Problem('receipt.refused');
        await confirm(receipts.confirmationUrl?.(received, found.config as never), pages);
        const parsed = receipts.parse(received, found.config as never);
        const { fresh, priorities } = await options.store.transaction((db) =>
          applyReceipts(db, { tenantId: tenant, connection, now }, parsed),
        );
        for (const priority of priorities) options.wake?.signal(routeTopic(priority));
        countReceipts(options.metrics, { provider: found.providerId, channel: found.channel, now }, fresh);
        if (options.tracer && fresh.length > 0)
          await tell(options, { tenantId: tenant, connection, now }, fresh);
        const { delivered, undelivered } = countEnds(fresh);
        options.health.of(found).reported(delivered, undelivered);
        const messages = receipts.inbound?.parse(received, found.config as never) ?? [];
        if (messages.length > 0)
          await hear(options, { tenantId: tenant, channel: found.channel, now }, messages);
        const answer = messages.length > 0 ? receipts.inbound?.reply : receipts.reply;
        if (!answer) return reply.code(204).send();
        return reply.code(200).type(answer.contentType).send(answer.body);
      },
    });
  });
}

/** Vendors come again after a 503; a 401 would be the end of a post that only cannot be judged now. */
async function loadCertificate(
  url: string | null | undefined,
  pages: VendorPages | undefined,
): Promise<string | undefined> {
  if (!url) return undefined;
  const certificate = await pages?.certificate(url);
  if (!certificate)
    throw new Problem('service.unavailable', 'The certificate of the receipt can not be read now');
  return certificate;
}

/** The vendor asked, with a right signature, whether this address wants its posts. */
async function confirm(url: string | null | undefined, pages: VendorPages | undefined): Promise<void> {
  if (url && !(await pages?.confirm(url)))
    throw new Problem('service.unavailable', 'The subscription can not be confirmed now');
}

/** Users answer text messages: what they ask for by that is heeded apart from receipts, which are applied by now. */
async function hear(
  { store, metrics }: TrackingOptions,
  { tenantId, channel, now }: { tenantId: string; channel: string; now: number },
  messages: InboundMessage[],
): Promise<void> {
  const wishes = readSmsWishes(messages);
  await store.transaction((db) => heedSmsWishes(db, { tenantId, now }, wishes));
  if (wishes.stop.length > 0) metrics?.suppressions.inc({ channel, source: 'stop' }, wishes.stop.length);
}

/** The receipts are applied by now: what goes wrong here must not make the vendor send them again. */
async function tell(
  { tracer, store, clock, logger }: TrackingOptions,
  from: ReceiptSource,
  receipts: MatchedReceipt[],
): Promise<void> {
  try {
    const ids = [...new Set(receipts.map((receipt) => receipt.deliveryId))];
    const subjects = await loadSubjects(store.engine, from.tenantId, ids);
    for (const fact of receiptFacts(receipts, subjects, from, clock.now())) tracer!.received(fact);
  } catch (error) {
    logger.warn(
      { error, tenant: from.tenantId, connection: from.connection },
      'receipts could not be traced',
    );
  }
}

/** The callback URL for receipts of one delivery. */
export function receiptUrl(
  publicUrl: string,
  delivery: { tenantId: string; connection: string; id: string },
): string {
  return `${publicUrl}/v1/receipts/${delivery.tenantId}/${delivery.connection}?delivery=${delivery.id}`;
}
