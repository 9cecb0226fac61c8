import { Type } from 'typebox';
import { Exact, OneOf, Problem, parseJsonBody, type Server, type Static } from '../http/index.ts';
import type { VisitDoor } from './visit-door.ts';
import type { VisitKind } from './visit-store.ts';

const EVENTS = ['shown', 'clicked', 'dismissed'] as const satisfies readonly VisitKind[];
const BODY_LIMIT = 4_096;

const BeaconBody = Exact({
  token: Type.String({
    maxLength: 4_000,
    description: 'From `beacon` of the push payload or the inbox item',
  }),
  event: OneOf(EVENTS),
});

/**
 * `POST /v1/beacons`: pages and service workers say what became of what they show. The token is all that it takes, so any
 * site may send it and no cookie goes along; as `text/plain` it needs no preflight, and `sendBeacon` can send it.
 */
export async function registerBeacons(app: Server, door: VisitDoor): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    for (const type of ['text/plain', 'application/json'])
      scope.addContentTypeParser(
        type,
        { parseAs: 'string', bodyLimit: BODY_LIMIT },
        async (_request: unknown, body: string | Buffer) => parseJsonBody(body.toString()),
      );
    // Errors too: a page could not read them otherwise.
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('access-control-allow-origin', '*');
    });
    scope.options('/v1/beacons', { schema: { hide: true } }, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'content-type',
          'access-control-max-age': '86400',
        })
        .send(),
    );
    scope.post(
      '/v1/beacons',
      {
        schema: {
          tags: ['Tracking'],
          summary: 'Say that a web push or an inbox item was shown, clicked or dismissed',
          description:
            'No API key: the token says what it is about. JSON, as `application/json` or `text/plain`.',
          security: [],
          body: BeaconBody,
        },
      },
      async (request, reply) => {
        const { token, event } = request.body as Static<typeof BeaconBody>;
        const tracked = door.open(request, token, 'beacon');
        if (tracked === 'busy')
          throw new Problem('rate.limited', 'Too many wrong tokens from this address', {
            retryAfterSeconds: 1,
          });
        if (tracked === 'notFound') throw new Problem('delivery.not_found', 'The token names no delivery');
        door.note(request, tracked, event);
        return reply.code(204).send();
      },
    );
  });
}
