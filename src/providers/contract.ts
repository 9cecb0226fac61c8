import { type MaskedUrl, Secret } from '../lib/secret.ts';
import type { Beacon, Channel, Message, Platform, VendorTemplateNews } from './message.ts';
import type { Effect, Outcome, Reason } from './outcome.ts';

export * from './message.ts';
export * from './outcome.ts';

/** One setting of a connection: drives validation, masking, encrypted storage, forms and docs. */
export interface Field {
  label: string;
  /**
   * `secret`, `pem` and `json` are stored encrypted and reach the provider as `Secret`; so are `secrets`, by their names.
   * `object` is JSON that anybody may read.
   */
  type: 'text' | 'url' | 'number' | 'boolean' | 'object' | 'secret' | 'pem' | 'json' | 'secrets';
  required?: boolean;
  help?: string;
  /** A regular expression the whole text must match, and the words that explain it. */
  pattern?: { regex: string; hint: string };
  default?: string | number | boolean;
  /** Says where secrets go, besides what is a URL: with a change of it they have to be sent again. */
  movesSecrets?: boolean;
}

/** A rule that a configuration breaks. */
export interface ConfigProblem {
  /** JSON Pointer into the configuration. */
  path: string;
  rule: string;
}

export type Fields = Record<string, Field>;
export const SECRET_TYPES = ['secret', 'pem', 'json', 'secrets'] as const;

interface Values {
  text: string;
  url: string;
  number: number;
  boolean: boolean;
  object: Record<string, unknown>;
  secret: Secret;
  pem: Secret;
  json: Secret;
  secrets: Record<string, Secret>;
}
type ValueOf<F extends Field> = Values[F['type']];
type IsPresent<F extends Field> = F extends { required: true }
  ? true
  : F extends { default: string | number | boolean }
    ? true
    : false;

/** The typed configuration that follows from a provider's `fields`. */
export type ConfigOf<F extends Fields> = {
  [K in keyof F as IsPresent<F[K]> extends true ? K : never]: ValueOf<F[K]>;
} & { [K in keyof F as IsPresent<F[K]> extends true ? never : K]?: ValueOf<F[K]> };

export interface HttpRequest {
  method: 'POST' | 'PUT' | 'GET' | 'DELETE';
  /** Absolute. A `MaskedUrl` where the path or query holds a secret. */
  url: string | MaskedUrl;
  /** Lower-case names. */
  headers: Record<string, string | Secret>;
  /** A `Secret` where the vendor wants its key among the fields. */
  body: string | Uint8Array | Secret;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  headers: Record<string, string>;
  /** At most 64 KiB are read. */
  body: string;
}

/** What an `smtp` provider asks for: how to reach the server, and the message for nodemailer to build. */
export interface MailRequest {
  server: {
    host: string;
    port: number;
    /** `tls`: TLS from the first byte (465). `starttls`: upgrade required. `opportunistic`: upgrade if offered. `none`. */
    security: 'tls' | 'starttls' | 'opportunistic' | 'none';
    username?: string;
    password?: Secret;
    /** Name given in EHLO. */
    clientName?: string;
  };
  dkim?: { domainName: string; keySelector: string; privateKey: Secret };
  envelope: {
    from: string;
    to: string;
    /** Asks servers that can (RFC 3461) to report failures and delays with the headers only, under this id. */
    dsn?: { id: string };
  };
  mail: {
    messageId: string;
    from: string;
    to: string;
    replyTo?: string;
    subject: string;
    text: string;
    html?: string;
    headers: Record<string, string>;
  };
}

/** How an SMTP conversation ended, with the literal reply of the server. */
export type SmtpReply =
  | { kind: 'delivered'; messageId: string; reply: string }
  /** The server's refusal: its reply code (RFC 5321), the whole text, and the command it answered. */
  | { kind: 'refused'; replyCode: number; reply: string; command: string }
  /** No usable reply. `code` is nodemailer's (ECONNECTION, EAUTH, ETLS …). */
  | { kind: 'fault'; code: string; dataSent: boolean; replyCode?: number; reply?: string };

/** A message for the built-in inbox, stored with the result in one transaction. */
export interface InboxItem {
  title: string;
  body: string;
  url?: string;
  image?: string;
  actions: { id: string; title: string; url?: string }[];
  data: Record<string, unknown>;
  beacon?: Beacon;
  /** How it is kept, which is no part of what is shown. */
  keeping?: { collapseKey?: string; tags?: string[]; expiresAfterSeconds?: number };
}

/** What a provider may know besides message and configuration: with these fixed, `request` is a pure function. */
export interface RequestContext {
  /** Milliseconds since the epoch. */
  now: number;
  random(bytes: number): Uint8Array;
  /** Our id of this delivery: put it where the vendor hands it back (metadata, custom args, callback URL). */
  deliveryId: string;
  /** Where the vendor's API is: the connection's `baseUrl`, or the provider's default. No trailing slash. */
  baseUrl: string;
  /** The current token of `token`, if the provider declares one. */
  token?: Secret;
  /** Where the vendor can post receipts for this delivery, when this installation has a public address. */
  callbackUrl?: string;
}

export interface Token {
  value: Secret;
  /** Milliseconds since the epoch at which to stop using it (already less the safety margin). */
  expiresAt: number;
}

/** A token that is made here (a signed JWT) or fetched; cached by connection and audience, refreshed by one caller. */
export type TokenSource<C> =
  | {
      /** What a token is bound to besides the connection (Web Push: the endpoint's origin). Default: nothing. */
      audience?(message: Message): string;
      sign(config: C, context: { now: number; audience: string }): Token;
    }
  | {
      request(config: C, context: { now: number; baseUrl: string }): HttpRequest;
      parse(response: HttpResponse, context: { now: number }): { token: Token } | { outcome: Outcome };
    };

/** The one vocabulary for what vendors report after the fact. */
export type ReceiptEvent =
  | 'queued'
  | 'sent'
  | 'delayed'
  | 'delivered'
  | 'opened'
  | 'clicked'
  | 'bounced'
  | 'failed'
  | 'complained'
  | 'unsubscribed';

export interface Receipt {
  event: ReceiptEvent;
  /** Ours when the vendor carried it, else null and `providerMessageId` identifies the delivery. */
  deliveryId: string | null;
  providerMessageId: string | null;
  /** Milliseconds since the epoch, by the vendor's clock; null when it sends none. */
  at: number | null;
  /** Equal for a repeated post of the same event. */
  eventKey: string;
  reason?: Reason;
  code?: string;
  effect?: Effect;
}

/** What somebody sent back to where a connection sends from. */
export interface InboundMessage {
  /** The sender's address, as the vendor writes it. */
  from: string;
  text: string;
  /** What the vendor itself read in it, where it looks for such words. */
  wish?: 'stop' | 'start' | 'help';
}

export interface ReceiptRequest {
  method: string;
  /** As the vendor requested it: public scheme, host, path and query. */
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface Limits {
  /** Requests per second allowed by the vendor for one account; absent where its 429s steer. */
  ratePerSecond?: number;
  /** Bytes of the payload the vendor accepts. */
  payloadBytes?: number;
  connectTimeoutMs: number;
  /** From the start of an attempt to its answer. */
  deadlineMs: number;
  /** Attempts under way at once over one connection. */
  maxInFlight: number;
}

export interface Supports {
  /** Push only: the platforms whose tokens this provider can reach. */
  platforms?: Platform[];
  /** The vendor recognises a repeated request (header or field), so sending again after *unknown* is safe. */
  dedupeKey: boolean;
  /** A repeated message replaces the first on the recipient's screen. */
  replaces: boolean;
  receipts: boolean;
  /** E-mail: the vendor itself can report opens and clicks, by its own addresses in the mail. */
  visits?: boolean;
  /** Carries `beacon` of the message to where it is shown. */
  beacons?: boolean;
}

/** A captured (or documented) reply: fixture of the tests, and what the simulator answers. */
export interface Example<Reply> {
  reply: Reply;
  /** What `classify` must make of it. */
  outcome: Partial<Outcome> & Pick<Outcome, 'kind'>;
  /** Where the reply was seen or documented. */
  source?: string;
}

interface Facts<F extends Fields> {
  /** Lower-case, letters, digits and dashes: the folder's file name. */
  id: string;
  channel: Channel;
  name: string;
  /** The vendor's reference page. */
  docs: string;
  fields: F;
  /** What the recipient's address is: a device token, a contact, the connection's own target, or the user. */
  reaches: 'device' | 'contact' | 'connection' | 'user';
  /**
   * Chat that reaches contacts: of which kind they are in the user's contacts (`telegram`), since each vendor has ids of its
   * own. A connection's setting of the same name goes before it.
   */
  contactKind?: string;
  limits: Limits;
  supports: Supports;
  /**
   * Its device tokens are others than those that a platform's own vendor gives, who would call them dead: each connection
   * is bound to the app that registers them.
   */
  needsApp?: boolean;
  /** Rules between and within fields, beyond what each field says of itself. Pure; values never appear in a rule. */
  check?(config: ConfigOf<F>): ConfigProblem[];
  /** Test keys use this provider when the tenant has no connection for the channel (and platform). */
  testDefault?: boolean;
  /** A complete configuration with freshly made keys, for test keys and tests. */
  testConfig(): ConfigOf<F>;
  receipts?: {
    /** By what a post is known to be the vendor's, in a few words for the reference. */
    proof?: string;
    /** The vendor carries nothing of ours: its own id is kept, and is all that reports name a message by. */
    byVendorId?: boolean;
    /** `certificate`: what was found at `certificateUrl`, for providers that declare one. */
    verify(
      request: ReceiptRequest,
      config: ConfigOf<F>,
      context: { now: number; certificate?: string },
    ): boolean;
    /**
     * For vendors whose signature is checked with a certificate that they publish: where the one for this post is, or
     * null when the post names no place that is certainly the vendor's. Pure, never throws; nothing is verified yet.
     */
    certificateUrl?(request: ReceiptRequest, config: ConfigOf<F>): string | null;
    /**
     * For vendors that ask whether an address wants their posts: what to GET for yes, or null. Called for verified posts
     * only. Pure, never throws.
     */
    confirmationUrl?(request: ReceiptRequest, config: ConfigOf<F>): string | null;
    /**
     * For vendors that try out an address before they use it (a GET with a challenge to echo, a POST whose answer must
     * hold a computed or decrypted value): the answer (200), or null for every other post. Asked before anything is
     * refused; what it answers is all that happens. `verified` is what `verify` said: where the vendor's signature does
     * not cover the trial, check here what does (a verify token, a signature in the query), and answer nobody else.
     * Pure, never throws.
     */
    handshake?(
      request: ReceiptRequest,
      config: ConfigOf<F>,
      context: { now: number; verified: boolean },
    ): { contentType: string; body: string } | null;
    /** Called for verified posts only. `config` is for vendors that encrypt what they post. Pure, never throws. */
    parse(request: ReceiptRequest, config: ConfigOf<F>): Receipt[];
    /** The answer (200) without which the vendor sends a receipt again; a 204 by default. */
    reply?: { contentType: string; body: string };
    /** For vendors that post what became of the texts they approve. Called for verified posts only. Pure, never throws. */
    vendorTemplates?(request: ReceiptRequest, config: ConfigOf<F>): VendorTemplateNews[];
    /** For vendors that post what users answer to the same address, verified in the same way. Pure, never throws. */
    inbound?: {
      /** Empty for whatever is no message. */
      parse(request: ReceiptRequest, config: ConfigOf<F>): InboundMessage[];
      /** The answer (200) by which the vendor does nothing more about a message. */
      reply: { contentType: string; body: string };
    };
  };
}

/** One of several messages that travel in one request. */
export interface Part {
  message: Message;
  context: RequestContext;
}

/** How a vendor takes several messages in one request. Not for vendors with a dedupe key, which names one message. */
export interface Batching<C> {
  /** Messages in one request. */
  max: number;
  /** Requests under way at once over one connection. */
  inFlight: number;
  /** Bytes of the whole body that the vendor accepts. */
  payloadBytes?: number;
  /** Messages with equal keys may travel together; null for one that has to travel alone. Pure. */
  key(message: Message, config: C): string | null;
  /** For two messages or more. Pure, as `request` is. */
  request(parts: readonly Part[], config: C): HttpRequest;
  /**
   * What the answer means for each of the messages, in their order. `retry('request_invalid')` for one that was sent
   * back for nothing but the sake of others: it travels again at once, without those. Pure, never throws.
   */
  classify(response: HttpResponse, parts: readonly Part[], context: { now: number }): Outcome[];
}

export interface HttpProvider<F extends Fields = Fields> extends Facts<F> {
  /** `http2` keeps long-lived multiplexed sessions; `http` a keep-alive pool. */
  transport: 'http' | 'http2';
  /** The vendor's API, without trailing slash. */
  baseUrl: string;
  /**
   * For messages that the vendor can only refuse (no template that it approved, an address in none of its forms): the
   * rejection, or null. Asked before a token is fetched and anything is sent. Pure, never throws; `request` must make
   * something of such messages too.
   */
  refuse?(message: Message, config: ConfigOf<F>): Outcome | null;
  request(message: Message, config: ConfigOf<F>, context: RequestContext): HttpRequest;
  /** `config` is for providers whose connections describe the vendor themselves; without it the status alone counts. */
  classify(response: HttpResponse, context: { now: number; config?: ConfigOf<F> }): Outcome;
  token?: TokenSource<ConfigOf<F>>;
  batch?: Batching<ConfigOf<F>>;
  examples: Record<'accepted' | 'rejected' | 'retry' | 'unavailable', Example<HttpResponse>> &
    Record<string, Example<HttpResponse>>;
  /** What the simulator answers when the token is fetched. */
  tokenExample?: HttpResponse;
}

export interface SmtpProvider<F extends Fields = Fields> extends Facts<F> {
  transport: 'smtp';
  request(message: Message, config: ConfigOf<F>, context: RequestContext): MailRequest;
  classify(reply: SmtpReply, context: { now: number }): Outcome;
  examples: Record<'accepted' | 'rejected' | 'retry' | 'unavailable', Example<SmtpReply>> &
    Record<string, Example<SmtpReply>>;
}

export interface InboxProvider<F extends Fields = Fields> extends Facts<F> {
  transport: 'inbox';
  request(message: Message, config: ConfigOf<F>, context: RequestContext): InboxItem;
}

// Configurations differ from provider to provider; the registry keeps them apart by id and validates before use.
// biome-ignore lint/suspicious/noExplicitAny: method parameters are contravariant in the configuration type
export type Provider = HttpProvider<any> | SmtpProvider<any> | InboxProvider<any>;

export function defineHttpProvider<const F extends Fields>(provider: HttpProvider<F>): HttpProvider<F> {
  return provider;
}

export function defineSmtpProvider<const F extends Fields>(provider: SmtpProvider<F>): SmtpProvider<F> {
  return provider;
}

export function defineInboxProvider<const F extends Fields>(provider: InboxProvider<F>): InboxProvider<F> {
  return provider;
}

/** A request's body as it goes over the wire. */
export function revealBody(body: HttpRequest['body']): string | Uint8Array {
  return body instanceof Secret ? body.reveal() : body;
}

const LONGEST_WAIT_MS = 30 * 86_400_000;

/**
 * Milliseconds to wait by a `Retry-After` header (RFC 9110, 10.2.3: delta-seconds or an HTTP-date), or
 * undefined when it is absent or unreadable. At most 30 days: the text comes from the net, and the number it
 * gives must remain one that makes a date.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1000) : Date.parse(text) - now;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), LONGEST_WAIT_MS);
}

/** The JSON object in a vendor's body, or null when it is anything else (HTML, empty, cut off, a bare value). */
export function parseObject(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
