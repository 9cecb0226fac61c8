import type {
  HttpProvider,
  HttpRequest,
  HttpResponse,
  MailRequest,
  Message,
  SmtpReply,
} from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { Route } from './route.ts';
import type { HttpTransport, SendOptions, Sent, SmtpTransport } from './transport/index.ts';

export interface Transports {
  http: HttpTransport;
  http2: HttpTransport;
  smtp: SmtpTransport;
}

/** Where the simulator of this process listens. */
export interface SimulatorAddress {
  origin: string;
  smtpOrigin: string;
  /** Shows a test message that needs no provider. */
  show(preview: string): void;
}

// The preview travels in a header; both servers that read it take 64 KB of headers, proxies less.
const PREVIEW_CHARS = 6_000;

/** Puts requests on the wire. Test routes go to the simulator here, and only here, whatever the provider asked for. */
export class Sender {
  readonly #transports: Transports;
  readonly #simulator: SimulatorAddress | null;

  constructor(transports: Transports, simulator: SimulatorAddress | null) {
    this.#transports = transports;
    this.#simulator = simulator;
  }

  sendHttp(
    provider: HttpProvider,
    request: HttpRequest,
    route: Route,
    preview: string | null,
  ): Promise<Sent<HttpResponse>> {
    const transport = provider.transport === 'http2' ? this.#transports.http2 : this.#transports.http;
    const purpose: Record<string, string> =
      preview === null ? { 'x-bellhop-purpose': 'token' } : { 'x-bellhop-preview': preview };
    return transport.send(
      request,
      this.#options(route, (simulator) => `${simulator.origin}/${provider.id}`, purpose),
    );
  }

  sendMail(request: MailRequest, route: Route, preview: string): Promise<Sent<SmtpReply>> {
    const headers = { 'X-Bellhop-Preview': preview };
    return this.#transports.smtp.send(
      request,
      this.#options(route, (simulator) => simulator.smtpOrigin, headers),
    );
  }

  /** Inbox items reach nobody outside, but whoever tries things out wants to see them with the rest. */
  show(preview: string): void {
    this.#simulator?.show(preview);
  }

  #options(
    route: Route,
    origin: (simulator: SimulatorAddress) => string,
    headers: Record<string, string>,
  ): SendOptions {
    const { connectTimeoutMs, deadlineMs } = route.provider.limits;
    const maxInFlight = route.maxInFlight ?? route.provider.limits.maxInFlight;
    const options = { connectionKey: route.key, connectTimeoutMs, deadlineMs, maxInFlight };
    if (!route.simulated) return options;
    if (!this.#simulator)
      throw new Error('this process has no simulator, so test deliveries cannot be sent from it');
    return { ...options, redirect: { origin: origin(this.#simulator), headers } };
  }
}

/** What the simulator's page shows of a test message, as the value of a header. */
export function buildPreview(claimed: Claimed, message: Message, provider: string): string {
  const preview = (content: object) =>
    JSON.stringify({
      tenant: claimed.tenantId,
      live: false,
      userId: claimed.user.externalId,
      notificationId: claimed.notificationId,
      deliveryId: claimed.id,
      channel: claimed.channel,
      provider,
      platform: message.recipient.platform,
      recipient: message.recipient.address.slice(0, 500),
      content,
    });
  const { html: _html, passthrough: _passthrough, ...shown } = message.content;
  const whole = preview(shown);
  const { title, subject, body } = shown;
  const shortened = () => preview({ title, subject, body: body?.slice(0, 1_000) });
  return Buffer.from(whole.length > PREVIEW_CHARS ? shortened() : whole).toString('base64url');
}
