import type { FastifyReply, FastifyRequest } from 'fastify';
import { renderFailure } from '../consent/index.ts';
import type { Server } from '../http/index.ts';
import type { Tracked } from '../visits/index.ts';
import { registerBeacons } from './beacon-routes.ts';
import { VisitDoor, type VisitDoorOptions } from './visit-door.ts';

/** The smallest GIF that is transparent: 43 bytes. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');

/** The address says to whom a mail went: nothing keeps it, and the next page does not learn of it. */
const HEADERS = {
  'cache-control': 'no-store, max-age=0',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow',
  'x-content-type-options': 'nosniff',
};

/**
 * `GET /l/…` and `GET /o/…`, the links and pictures in mails, and `POST /v1/beacons`. A right signature is all that an
 * answer needs: it waits for nothing, and works while the database is away.
 */
export async function registerVisitRoutes(app: Server, options: VisitDoorOptions): Promise<void> {
  const door = new VisitDoor(options);
  const visit = (kind: 'link' | 'pixel', answer: (reply: FastifyReply, tracked: Tracked) => FastifyReply) => {
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const tracked = door.open(request, (request.params as { '*': string })['*'], kind);
      if (typeof tracked === 'string') return refuse(request, reply, tracked);
      door.note(request, tracked, kind === 'link' ? 'clicked' : 'opened');
      return answer(reply.headers(HEADERS), tracked);
    };
  };
  const schema = { hide: true };
  app.get(
    '/l/*',
    { schema },
    visit('link', (reply, { url }) => reply.redirect(url, 302)),
  );
  app.get(
    '/o/*',
    { schema },
    visit('pixel', (reply) =>
      // Web mail that isolates its pages loads only what says that it may be loaded.
      reply.header('cross-origin-resource-policy', 'cross-origin').type('image/gif').send(PIXEL),
    ),
  );
  await registerBeacons(app, door);
}

function refuse(request: FastifyRequest, reply: FastifyReply, failure: 'notFound' | 'busy'): FastifyReply {
  const { status, headers, body } = renderFailure(failure, request.headers['accept-language']);
  if (failure === 'busy') reply.header('retry-after', 1);
  return reply.code(status).headers(headers).send(body);
}
