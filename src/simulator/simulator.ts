import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Provider } from '../providers/contract.ts';
import { FaultBoard } from './faults.ts';
import { seededRandom } from './fresh-id.ts';
import { createHttpEndpoint } from './http-endpoint.ts';
import { Mailbox } from './mailbox.ts';
import { createPageHandler } from './page-handler.ts';
import { parsePreview } from './preview.ts';
import { createSmtpEndpoint } from './smtp-endpoint.ts';
import { type Stage, VendorApi } from './vendor-api.ts';

export interface SimulatorOptions {
  providers: Provider[];
  clock: Clock;
  logger: Logger;
  host?: string;
  /** Makes the mix, the jitter and the ids repeatable. */
  seed?: number;
  /** Where Bellhop's API is, for the page's first example; default: where the page itself is. */
  baseUrl?: string;
  /** Where the newcomer finds his test key: the path of the credentials file. */
  hint?: string;
}

export interface Simulator {
  listen(ports?: { port?: number; smtpPort?: number }): Promise<{ origin: string; smtpOrigin: string }>;
  mailbox: Mailbox;
  faults: FaultBoard;
  /** Puts a message that needs no provider (the inbox) into the mailbox, by its preview. */
  show(preview: string): void;
  /** Serves the page and its API below `prefix`; the body of the request must not have been read. */
  handle(request: IncomingMessage, response: ServerResponse, prefix: string): void;
  close(): void;
}

/** Plays every provider on loopback, so that test keys exercise everything and reach nobody. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const { providers, clock, logger, host = '127.0.0.1', seed } = options;
  const closing = new AbortController();
  const stage: Stage = {
    providers,
    mailbox: new Mailbox(),
    faults: new FaultBoard(providers),
    random: seed === undefined ? Math.random : seededRandom(seed),
    clock,
    logger,
    signal: closing.signal,
  };
  let smtpOrigin: string | null = null;
  const page = createPageHandler(stage, { ...options, smtpOrigin: () => smtpOrigin });
  const http = createHttpEndpoint(new VendorApi(stage), page, stage);
  const smtpProvider = providers.find((provider) => provider.transport === 'smtp');
  const smtp = smtpProvider ? createSmtpEndpoint(smtpProvider, stage) : null;
  return {
    mailbox: stage.mailbox,
    faults: stage.faults,
    show(text) {
      const preview = parsePreview(text);
      if (preview)
        stage.mailbox.add({ ...preview, at: clock.now(), answered: 'accepted', kind: 'accepted', raw: null });
    },
    handle: (request, response, prefix) => page.handle(request, response, { prefix }),
    async listen({ port = 0, smtpPort = 0 } = {}) {
      const origin = await listen(http.server, port, host);
      if (smtp) smtpOrigin = `smtp://${await listen(smtp.server, smtpPort, host)}`;
      return { origin: `http://${origin}`, smtpOrigin: smtpOrigin ?? '' };
    },
    close() {
      closing.abort();
      page.close();
      http.close();
      smtp?.close();
    },
  };
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
