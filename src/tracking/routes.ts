import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { invalidField, Problem, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { isUuid } from '../lib/ids.ts';
import { getProvider, type Provider } from '../providers/index.ts';
import type { Store } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';
import { Admission, type AdmissionLimits } from './admission.ts';
import { Doors } from './doors.ts';
import type { ReceiptLane } from './lane.ts';
import { type Reception, receive, type TakesReceipts, tooMuch } from './receive.ts';
import { Slices } from './slices.ts';
import { createVendorPages, type PageTransport } from './vendor-pages.ts';

export interface TrackingOptions {
  lane: Pick<ReceiptLane, 'add'>;
  store: Pick<Store, 'receipts'>;
  clock: Clock;
  connections: Pick<Connections, 'get'>;
  /** How vendors see this installation; signatures cover the URL they requested, not the one that arrives here. */
  publicUrl: string | undefined;
  limits?: AdmissionLimits;
  metrics?: Metrics;
  /** By id; the registry's by default. */
  providerOf?: (id: string) => Provider | undefined;
  /** The way to vendors' certificates, and to where they are told that their posts are wanted. */
  transport?: PageTransport;
  health: Reception['health'];
}

/** SendGrid gathers up to 768 KiB of events in a post, Mailchimp a thousand events. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024;
const DEFAULT_LIMITS: AdmissionLimits = { maxPosts: 5_000, postsPerSecond: 0 };

const Path = Type.Object({
  tenant: Type.String({ format: 'uuid' }),
  connection: Type.String({ maxLength: 64 }),
});

/** Where a post goes, once it is let in. */
interface Destination {
  connection: Connection;
  provider: TakesReceipts;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on posts of receipts only. */
    receiptsFor: Destination | null;
  }
}

/**
 * `POST /v1/receipts/{tenant}/{connection}`: what vendors report later, verified by each vendor's own scheme on the raw
 * bytes. Some vendors report by GET, with everything in the query.
 */
export async function registerTrackingRoutes(app: Server, options: TrackingOptions): Promise<void> {
  const { clock, metrics, publicUrl } = options;
  const pages = options.transport ? createVendorPages(options.transport) : null;
  const reception: Reception = { ...options, pages, slices: new Slices() };
  const admission = new Admission(options.limits ?? DEFAULT_LIMITS, clock);
  metrics?.beforeScrape(() => metrics.receiptsWaiting.set(admission.posts));
  await app.register(async (scope) => {
    // Signatures are over bytes: nothing may be parsed before they are checked.
    scope.removeAllContentTypeParsers();
    const bodyLimit = Math.max(MAX_BATCH_BYTES, scope.initialConfig.bodyLimit ?? 0);
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit },
      async (_request: unknown, body: Buffer) => body,
    );
    scope.decorateRequest('receiptsFor', null);
    const doors = new Doors(options.connections, options.store.receipts, clock);
    // Before the body is read: an answer here costs neither memory nor a signature.
    scope.addHook('onRequest', async (request, reply) => {
      const { tenant, connection } = request.params as { tenant: string; connection: string };
      const entered = admission.enter(`${tenant} ${connection}`, sizeOf(request, bodyLimit));
      if (typeof entered === 'string') {
        metrics?.receiptsTurnedAway.inc({ reason: entered });
        throw tooMuch();
      }
      reply.raw.once('close', entered);
      request.receiptsFor = await findDestination(options, doors, request);
    });
    // Mailchimp looks whether anybody is here before it makes a webhook.
    scope.head(
      '/v1/receipts/:tenant/:connection',
      { schema: { hide: true, params: Path } },
      async (_request, reply) => reply.code(200).send(),
    );
    scope.route({
      method: ['GET', 'POST'],
      url: '/v1/receipts/:tenant/:connection',
      exposeHeadRoute: false,
      schema: { tags: ['Receipts'], summary: 'Called by providers', params: Path },
      handler: async (request, reply) => {
        const { connection, provider } = request.receiptsFor!;
        const received = {
          method: request.method,
          url: `${publicUrl ?? `${request.protocol}://${request.host}`}${request.url}`,
          headers: request.headers as Record<string, string>,
          body: (request.body as Buffer | undefined) ?? Buffer.alloc(0),
        };
        const answer = await receive(reception, connection, { provider, request: received });
        if (!answer) return reply.code(204).send();
        return reply.code(200).type(answer.contentType).send(answer.body);
      },
    });
  });
}

/** Of the body that is going to be read: at most the limit, over which the server refuses it. */
function sizeOf({ method, headers }: FastifyRequest, bodyLimit: number): number {
  if (method !== 'POST') return 0;
  const told = Number(headers['content-length']);
  return Number.isSafeInteger(told) && told >= 0 ? Math.min(told, bodyLimit) : bodyLimit;
}

async function findDestination(
  { providerOf = getProvider }: TrackingOptions,
  doors: Doors,
  request: FastifyRequest,
): Promise<Destination> {
  const { tenant, connection: id } = request.params as { tenant: string; connection: string };
  if (!isUuid(tenant)) throw invalidField('path/tenant', 'must be a UUID');
  const connection = await doors.find(tenant, id, request.ip);
  const provider = connection && providerOf(connection.providerId);
  if (connection && provider?.receipts) return { connection, provider: provider as TakesReceipts };
  throw new Problem('connection.not_found', 'No connection that takes receipts is at this address');
}

/** The callback URL for receipts of one delivery. */
export function receiptUrl(
  publicUrl: string,
  delivery: { tenantId: string; connection: string; id: string },
): string {
  return `${publicUrl}/v1/receipts/${delivery.tenantId}/${delivery.connection}?delivery=${delivery.id}`;
}
