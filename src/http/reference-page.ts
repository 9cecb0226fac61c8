import Fastify, { type FastifyInstance } from 'fastify';
import type { Server } from './server.ts';

const PREFIX = '/docs';

/**
 * The reference page of the API. Its code and pictures take 37 MB of memory, so they are loaded when somebody opens it
 * for the first time, into a server of its own that has no socket.
 */
export function registerReferencePage(app: Server): void {
  let loading: Promise<FastifyInstance> | undefined;
  for (const url of [PREFIX, `${PREFIX}/*`]) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      loading ??= loadPage();
      const page = await loading;
      const { statusCode, headers, rawPayload } = await page.inject({
        method: 'GET',
        url: request.url,
        headers: request.headers as Record<string, string>,
      });
      return reply.code(statusCode).headers(headers).send(rawPayload);
    });
  }
}

async function loadPage(): Promise<FastifyInstance> {
  const { default: scalar } = await import('@scalar/fastify-api-reference');
  const page = Fastify();
  await page.register(scalar, {
    routePrefix: PREFIX,
    configuration: {
      title: 'Bellhop API',
      url: '/openapi.json',
      // The reference page talks to this server and to nobody else.
      telemetry: false,
      withDefaultFonts: false,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });
  await page.ready();
  return page;
}
