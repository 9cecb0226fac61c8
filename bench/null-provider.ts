import type { Transports } from '../src/delivery/sender.ts';
import type { HttpTransport } from '../src/delivery/transport/index.ts';
import { reveal } from '../src/lib/secret.ts';
import { PROBE_TOKEN } from './audience.ts';

/** Counts what a provider would have got, and answers as Apple does, at once and without a socket. */
export class NullProvider {
  count = 0;
  readonly #onProbe: (probe: string) => void;
  #waiting: { until: number; resolve(): void } | null = null;

  /** `onProbe` is told the data field `probe` of each push to a probe's token. */
  constructor(onProbe: (probe: string) => void) {
    this.#onProbe = onProbe;
  }

  /** Resolves when that many were sent; one waiter at a time. */
  reached(count: number): Promise<void> {
    if (this.count >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { until: count, resolve };
    });
  }

  get transports(): Transports {
    const http: HttpTransport = {
      send: async (request) => {
        if (reveal(request.url).includes(PROBE_TOKEN)) this.#probe(String(request.body));
        else this.#sent();
        const headers = { 'apns-id': String(reveal(request.headers['apns-id'] ?? 'none')) };
        return { kind: 'reply', reply: { status: 200, headers, body: '' } };
      },
      close: async () => {},
    };
    const smtp = { send: () => Promise.reject(new Error('a campaign has no mail')), close: async () => {} };
    return { http, http2: http, smtp };
  }

  #probe(body: string): void {
    const probe = /"probe":"([^"]+)"/.exec(body)?.[1];
    if (probe) this.#onProbe(probe);
  }

  #sent(): void {
    this.count++;
    if (!this.#waiting || this.count < this.#waiting.until) return;
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve();
  }
}
