import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { BREAKDOWNS, behavioursOf } from './faults.ts';
import { withoutRaw } from './mailbox.ts';
import { MessageStreams } from './message-streams.ts';
import type { SimulatorOptions } from './simulator.ts';
import type { Stage } from './vendor-api.ts';

const MAX_BODY_BYTES = 64 * 1024;
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// S3: the frame of a mail inherits this policy, so its own inline styles must be allowed; nothing is loaded from
// elsewhere and no script runs but the page's files.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

type Answer = { status: number; type?: string; body?: string | Buffer };

export type PageHandler = ReturnType<typeof createPageHandler>;

/** The page and its JSON API. */
export function createPageHandler(stage: Stage, options: Pick<SimulatorOptions, 'baseUrl' | 'hint'>) {
  const files = readPage();
  const streams = new MessageStreams(stage);
  const setup = { ...describeProviders(stage), baseUrl: options.baseUrl ?? null, hint: options.hint ?? null };

  async function handle(request: IncomingMessage, response: ServerResponse, prefix: string): Promise<void> {
    const [pathname = '', search] = (request.url ?? '').split('?', 2);
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (path === '') {
      response.writeHead(308, { location: `${prefix}/` }).end();
      return;
    }
    if (path === '/api/stream' && request.method === 'GET') return streams.open(request, response);
    const { status, type, body } = path.startsWith('/api/')
      ? await answerApi(request, path.slice('/api'.length), new URLSearchParams(search))
      : answerFile(request, path);
    if (type) response.setHeader('content-type', type);
    response.writeHead(status).end(request.method === 'HEAD' ? undefined : body);
  }

  function answerFile({ method }: IncomingMessage, path: string): Answer {
    const file = files.get(path === '/' ? '/index.html' : path);
    if (!file) return problem(404, 'There is no such page.');
    return method === 'GET' || method === 'HEAD' ? { status: 200, ...file } : notAllowed();
  }

  async function answerApi(request: IncomingMessage, path: string, query: URLSearchParams): Promise<Answer> {
    const { mailbox, faults } = stage;
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    if (changes && isForeign(request)) return problem(403, 'Only the page itself may change something.');
    if (path === '/setup') return changes ? notAllowed() : json(setup);
    const id = /^\/messages\/([0-9]{1,15})$/.exec(path)?.[1];
    if (id) {
      const message = mailbox.get(Number(id));
      return changes ? notAllowed() : message ? json(message) : problem(404, 'This message is gone.');
    }
    if (path === '/messages') {
      if (!changes) return listMessages(query);
      if (request.method !== 'DELETE') return notAllowed();
      mailbox.clear();
      return { status: 204 };
    }
    if (path !== '/faults') return problem(404, 'There is no such resource.');
    if (!changes) return json(faults.settings);
    return request.method === 'PUT' ? changeFaults(request) : notAllowed();
  }

  function listMessages(query: URLSearchParams): Answer {
    const after = Number(query.get('after') ?? 0);
    if (!Number.isSafeInteger(after) || after < 0) return problem(400, 'after must be the id of a message.');
    const filter = {
      after,
      userId: query.get('user') ?? undefined,
      channel: query.get('channel') ?? undefined,
    };
    return json({ items: stage.mailbox.list(filter).map(withoutRaw), lastId: stage.mailbox.lastId });
  }

  async function changeFaults(request: IncomingMessage): Promise<Answer> {
    const body = await readJson(request);
    if (body === undefined) return problem(400, `The body must be JSON of at most ${MAX_BODY_BYTES} bytes.`);
    const settings = stage.faults.parse(body);
    if ('problem' in settings) return problem(400, settings.problem);
    stage.faults.set(settings);
    return json(stage.faults.settings);
  }

  return {
    handle(request: IncomingMessage, response: ServerResponse, prefix: string): void {
      handle(request, response, prefix).catch((error: unknown) => {
        stage.logger.error({ error, path: request.url }, 'the simulator page failed');
        response.destroy();
      });
    },
    close: () => streams.close(),
  };
}

/** A browser names the page a change comes from; programs without an Origin are no browsers. */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (headers.origin === undefined) return false;
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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

function describeProviders({ providers }: Stage) {
  return {
    breakdowns: BREAKDOWNS,
    providers: providers.map((provider) => ({
      id: provider.id,
      name: provider.name,
      channel: provider.channel,
      behaviours: provider.transport === 'inbox' ? [] : [...behavioursOf(provider)],
    })),
  };
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

function problem(status: number, detail: string): Answer {
  return { status, type: 'application/problem+json', body: JSON.stringify({ status, detail }) };
}

function notAllowed(): Answer {
  return problem(405, 'This method is not allowed here.');
}
