import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { RateWindow } from '../lib/rate-window.ts';
import { answerBoard } from './board-answers.ts';
import { type Failure, failurePage } from './failure-page.ts';
import { readForm } from './form.ts';
import { chooseLanguage } from './language.ts';
import { headersOf, type Page, renderPage } from './layout.ts';
import type { Links } from './links.ts';
import { loadOwner, NOBODY, type Owner } from './owner-store.ts';
import type { PeopleOptions } from './person.ts';
import type { Purpose, TokenSubject } from './token.ts';
import { answerOptIn, answerUnsubscribe } from './topic-answers.ts';

export interface PageOptions extends PeopleOptions {
  links: Pick<Links, 'open' | 'forTenants'>;
  clock: Clock;
  logger: Logger;
  /** Links that do not open, per second and address, before that address is answered 429. */
  failuresPerSecondPerAddress: number;
}

/** One request for a page whose link opened. */
export interface Visit {
  subject: TokenSubject;
  /** What was sent in; null when the page is only looked at. */
  form: FormData | null;
  acceptLanguage: string | undefined;
}

/** What a visit comes to, in the language of the user it is about; null `locale` leaves it to the browser. */
export type Answered = { failure: Failure } | { locale: string | null; page: Page };

type Answer = (visit: Visit, options: PageOptions) => Promise<Answered>;

const BODY_LIMIT = 65_536;
const PAGES: [path: string, purpose: Purpose, answer: Answer][] = [
  ['/p/*', 'preferences', answerBoard],
  ['/u/*', 'unsubscribe', answerUnsubscribe],
  ['/c/*', 'opt-in', answerOptIn],
];

/**
 * The pages behind signed links. Who has the link is the user: there is no login and no cookie, so a foreign site has
 * nothing to ride on, and cannot know the address to post to. All answers are pages, errors as well.
 */
export async function registerConsentPages(app: Server, options: PageOptions): Promise<void> {
  const failures = new RateWindow(options.failuresPerSecondPerAddress, options.clock);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
      async (_request: unknown, body: Buffer) => body,
    );
    scope.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
      const status = error instanceof Problem ? error.status : error.statusCode;
      const isCallers = status !== undefined && status < 500;
      // Without the address: it holds the token.
      if (!isCallers) options.logger.error({ error, path: request.routeOptions.url }, 'a page failed');
      return send(request, reply, { failure: isCallers ? 'bad' : 'failed' });
    });
    for (const [path, purpose, answer] of PAGES) {
      const visit = async (request: FastifyRequest, reply: FastifyReply) => {
        if (failures.isExceeded(request.ip)) return send(request, reply, { failure: 'busy' });
        const subject = await options.links.open((request.params as { '*': string })['*'], purpose);
        if (!subject) {
          failures.count(request.ip);
          return send(request, reply, { failure: 'notFound' });
        }
        const form = request.method === 'POST' ? await formOf(request) : null;
        if (request.method === 'POST' && !form) return send(request, reply, { failure: 'bad' });
        const { 'accept-language': acceptLanguage } = request.headers;
        const answered = await answer({ subject, form, acceptLanguage }, options);
        const { tenantId } = subject;
        const owner = await options.store.scoped(tenantId, (db) => loadOwner(db, tenantId));
        return send(request, reply, answered, owner);
      };
      scope.get(path, { schema: { hide: true } }, visit);
      scope.post(path, { schema: { hide: true } }, visit);
    }
  });
}

function formOf(request: FastifyRequest): Promise<FormData | null> {
  return readForm(request.headers['content-type'], request.body as Buffer | undefined);
}

/** Without an owner when it is not known whose page was asked for. */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  answered: Answered,
  owner: Owner = NOBODY,
): FastifyReply {
  const locale = 'page' in answered ? answered.locale : null;
  const language = chooseLanguage(locale, request.headers['accept-language']);
  const page = 'page' in answered ? answered.page : failurePage(answered.failure, language);
  if (page.status === 429 || page.status === 503) reply.header('retry-after', 1);
  return reply
    .code(page.status)
    .headers(headersOf(owner))
    .send(renderPage(page, language, owner));
}
