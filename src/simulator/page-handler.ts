import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { MessageStreams } from './message-streams.ts';
import { type Answer, answerApi, describeSetup, notAllowed, problem } from './page-api.ts';
import type { SimulatorOptions } from './simulator.ts';
import type { Stage } from './vendor-api.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// S3: the frame of a mail inherits this policy, so its own inline styles must be allowed; nothing is loaded from
// elsewhere and no script runs but the page's files.
const HEADERS = new Headers({
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
});

interface PageOptions extends Pick<SimulatorOptions, 'baseUrl' | 'hint'> {
  /** Where the SMTP endpoint listens; null before it does. */
  smtpOrigin(): string | null;
}

interface Place {
  prefix: string;
  /** The page is served by the simulator itself: there may be no Bellhop whose API it could teach. */
  isAlone?: boolean;
}

export interface PageHandler {
  handle(request: IncomingMessage, response: ServerResponse, place: Place): void;
  close(): void;
}

/** Serves the page, its JSON API and its live events. */
export function createPageHandler(stage: Stage, { baseUrl, hint, smtpOrigin }: PageOptions): PageHandler {
  const files = readPage();
  const streams = new MessageStreams(stage);

  function answer(
    request: IncomingMessage,
    path: string,
    search = '',
    isAlone = false,
  ): Answer | Promise<Answer> {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (path === '/api/setup' && isRead) {
      return describeSetup(stage, { baseUrl, hint, isAlone, smtpOrigin: smtpOrigin() });
    }
    if (path.startsWith('/api/')) return answerApi(stage, request, path.slice('/api'.length), search);
    const file = files.get(path === '/' ? '/index.html' : path);
    if (!file) return problem(404, 'There is no such page.');
    return isRead ? { status: 200, ...file } : notAllowed();
  }

  async function handle(request: IncomingMessage, response: ServerResponse, place: Place): Promise<void> {
    const { prefix, isAlone } = place;
    const [pathname = '', search] = (request.url ?? '').split('?', 2);
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
    response.setHeaders(HEADERS);
    // The page names its files relative to itself.
    if (path === '') return redirect(response, `${prefix}/`);
    if (path === '/api/stream' && request.method === 'GET') return streams.open(request, response);
    const { status, type, body } = await answer(request, path, search, isAlone);
    if (type) response.setHeader('content-type', type);
    response.writeHead(status).end(request.method === 'HEAD' ? undefined : body);
  }

  return {
    handle(request, response, place) {
      handle(request, response, place).catch((error: unknown) => {
        stage.logger.error({ error }, 'the simulator page failed');
        response.destroy();
      });
    },
    close: () => streams.close(),
  };
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(308, { location }).end();
}

function readPage(): Map<string, { type: string; body: Buffer }> {
  const folder = new URL('./page/', import.meta.url);
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES);
  return new Map(
    names.map((name) => [
      `/${name}`,
      { type: TYPES[extname(name)]!, body: readFileSync(new URL(name, folder)) },
    ]),
  );
}
