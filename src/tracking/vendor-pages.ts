import { Lru } from '../lib/lru.ts';
import type { HttpRequest, HttpResponse } from '../providers/index.ts';

const MAX_CERTIFICATES = 100;
const OPTIONS = { connectionKey: 'receipts', connectTimeoutMs: 3_000, deadlineMs: 8_000, maxInFlight: 4 };

/** Puts requests on the wire: behind the egress guard, without redirects, and reads no more than 64 KiB of an answer. */
export interface PageTransport {
  send(
    request: HttpRequest,
    options: typeof OPTIONS,
  ): Promise<{ kind: 'reply'; reply: HttpResponse } | { kind: 'fault'; detail: string }>;
}

/** What is read from vendors in order to believe, or to go on getting, what they post. Never rejects. */
export interface VendorPages {
  /** Kept by address: vendors publish a new certificate at a new one. Null when it can not be had now. */
  certificate(url: string): Promise<string | null>;
  /** Whether the vendor took the yes. */
  confirm(url: string): Promise<boolean>;
}

export function createVendorPages(transport: PageTransport): VendorPages {
  const known = new Lru<string>(MAX_CERTIFICATES);
  const underWay = new Map<string, Promise<string | null>>();
  const get = async (url: string): Promise<string | null> => {
    const sent = await transport.send({ method: 'GET', url, headers: {}, body: '' }, OPTIONS);
    return sent.kind === 'reply' && sent.reply.status === 200 ? sent.reply.body : null;
  };
  const load = async (url: string): Promise<string | null> => {
    const certificate = await get(url).finally(() => underWay.delete(url));
    if (certificate !== null) known.set(url, certificate);
    return certificate;
  };
  return {
    async certificate(url) {
      const kept = known.get(url);
      if (kept !== undefined) return kept;
      const asked = underWay.get(url) ?? load(url);
      if (!underWay.has(url)) underWay.set(url, asked);
      return asked;
    },
    confirm: async (url) => (await get(url)) !== null,
  };
}
