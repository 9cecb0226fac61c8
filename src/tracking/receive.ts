import { readWishes } from '../consent/index.ts';
import { Problem } from '../http/index.ts';
import { OverloadedError } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Provider, ReceiptRequest } from '../providers/index.ts';
import type { Connection } from '../tenants/index.ts';
import { contactKind } from '../users/index.ts';
import type { ReceiptLane } from './lane.ts';
import type { Slices } from './slices.ts';
import type { VendorPages } from './vendor-pages.ts';

/** What takes posts of receipts to the end. */
export interface Reception {
  lane: Pick<ReceiptLane, 'add'>;
  slices: Slices;
  clock: Clock;
  /** Null where vendors' certificates can not be had. */
  pages: VendorPages | null;
  /** Learns what receipts say of a connection. */
  health: { of(connection: Connection): { reported(delivered: number, undelivered: number): void } };
}

export interface Answer {
  contentType: string;
  body: string;
}

/** A provider whose vendor posts something. */
export type TakesReceipts = Provider & { receipts: NonNullable<Provider['receipts']> };

/** When the vendor is to come again after a 503. */
export const COME_AGAIN_SECONDS = 5;

/**
 * One post: verified on its raw bytes, then parsed, then committed together with others. Null where the vendor wants no
 * particular answer. Throws a `Problem` for a post that is not believed, or that can not be taken now.
 */
export async function receive(
  { lane, slices, clock, pages, health }: Reception,
  connection: Connection,
  { provider, request }: { provider: TakesReceipts; request: ReceiptRequest },
): Promise<Answer | null> {
  const { receipts } = provider;
  const { config: settings, tenantId, id, channel, providerId } = connection;
  const config = settings as never;
  const now = clock.now();
  const certificate = await loadCertificate(receipts.certificateUrl?.(request, config), pages);
  const read = await slices.run(() => {
    const verified = receipts.verify(request, config, { now, certificate });
    const trial = receipts.handshake?.(request, config, { now, verified });
    if (trial) return trial;
    if (!verified) throw new Problem('receipt.refused');
    const messages = receipts.inbound?.parse(request, config) ?? [];
    const templates = receipts.vendorTemplates?.(request, config) ?? [];
    return { parsed: receipts.parse(request, config), messages, templates };
  });
  if ('body' in read) return read;
  const { parsed, messages, templates } = read;
  const kind = connection.contactKind ?? provider.contactKind ?? contactKind(channel);
  await confirm(receipts.confirmationUrl?.(request, config), pages);
  if (parsed.length > 0 || messages.length > 0 || templates.length > 0) {
    const post = {
      tenantId,
      connection: id,
      channel,
      provider: providerId,
      receipts: parsed,
      wishes: messages.length > 0 && kind !== null ? { kind, ...readWishes(kind, messages) } : undefined,
      templates: templates.length > 0 ? templates : undefined,
      reported: (delivered: number, undelivered: number) =>
        health.of(connection).reported(delivered, undelivered),
    };
    await lane.add(post).catch(comeAgain);
  }
  return (messages.length > 0 ? receipts.inbound?.reply : receipts.reply) ?? null;
}

function comeAgain(error: unknown): never {
  if (error instanceof OverloadedError) throw tooMuch(error);
  throw error;
}

/** Vendors come again after a 503, which many of them do not after a 429. */
export function tooMuch(cause?: unknown): Problem {
  return new Problem('service.overloaded', 'Too many receipts are waiting; send this one again later', {
    retryAfterSeconds: COME_AGAIN_SECONDS,
    cause,
  });
}

/** Vendors come again after a 503; a 401 would be the end of a post that only cannot be judged now. */
async function loadCertificate(
  url: string | null | undefined,
  pages: VendorPages | null,
): Promise<string | undefined> {
  if (!url) return undefined;
  const certificate = await pages?.certificate(url);
  if (!certificate)
    throw new Problem('service.unavailable', 'The certificate of the receipt can not be read now');
  return certificate;
}

/** The vendor asked, with a right signature, whether this address wants its posts. */
async function confirm(url: string | null | undefined, pages: VendorPages | null): Promise<void> {
  if (url && !(await pages?.confirm(url)))
    throw new Problem('service.unavailable', 'The subscription can not be confirmed now');
}
