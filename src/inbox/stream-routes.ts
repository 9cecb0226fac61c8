import { Type } from 'typebox';
import { Exact, Problem, type Server } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { inboxOf } from './change.ts';
import { loadCursor } from './change-store.ts';
import { STREAM_HEADERS } from './event-stream.ts';
import type { Streams } from './streams.ts';

export interface StreamRoutesDeps {
  store: Pick<Store, 'scoped'>;
  streams: Streams;
}

const RETRY_AFTER_SECONDS = 5;
/** More digits than a change can have are not ours. */
const EVENT_ID = /^\d{1,15}$/;

/** What happens in a user's inbox, as it happens. */
export function registerStreamRoute(app: Server, { store, streams }: StreamRoutesDeps): void {
  // Before the server waits for its requests to end, which streams never do by themselves.
  app.addHook('preClose', (done) => {
    streams.close();
    done();
  });
  app.get(
    '/v1/inbox/stream',
    {
      config: { userScope: 'stream', takesTicket: true },
      exposeHeadRoute: false,
      schema: {
        tags: ['Inbox, with a user token'],
        summary: 'Listen to an inbox (server-sent events)',
        description:
          'Events: `counts`, `item.created`, `item.updated`, `item.deleted`, and `sync.required` when too much was missed. ' +
          'Resumes behind `Last-Event-ID`. Ends with the token.',
        querystring: Exact({
          ticket: Type.Optional(Type.String({ maxLength: 4_096, description: 'In place of the header' })),
          lastEventId: Type.Optional(
            Type.String({ maxLength: 64, description: 'For readers that can not send `Last-Event-ID`' }),
          ),
        }),
        produces: ['text/event-stream'],
        // biome-ignore lint/suspicious/noExplicitAny: the answer is no JSON
      } as any,
    },
    async (request, reply) => {
      const { credential } = request;
      const { inbox, latest } = await store.scoped(credential.tenantId, async (db) => {
        const inbox = await inboxOf(db, { credential, params: {} });
        return { inbox, latest: await loadCursor(db, inbox) };
      });
      if (streams.isClosed)
        throw new Problem('service.unavailable', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      if (!streams.hasRoomFor(inbox))
        throw new Problem('inbox.too_many_streams', undefined, { retryAfterSeconds: RETRY_AFTER_SECONDS });
      const { lastEventId } = request.query as { lastEventId?: string };
      // A browser that comes back by itself names the newer one in the header, and has the old one in its address.
      const given = request.headers['last-event-id'] ?? lastEventId;
      reply.hijack();
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...STREAM_HEADERS });
      const { user } = credential;
      streams.open({
        inbox,
        after: startOf(given, latest),
        until: user!.streamsUntil,
        response: reply.raw,
      });
    },
  );
}

/** Behind the event that the reader names; what is no event of ours makes him read the inbox anew. */
function startOf(given: string | string[] | undefined, latest: number): number {
  if (given === undefined || given === '') return latest;
  if (typeof given === 'string' && EVENT_ID.test(given) && Number(given) <= latest) return Number(given);
  // There is no change 0, so this is never without a gap.
  return latest === 0 ? 0 : -1;
}
