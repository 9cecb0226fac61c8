import type { HookNote, TenantHooks } from '../hooks/index.ts';
import type { Clock } from '../lib/clock.ts';
import { reveal, Secret } from '../lib/secret.ts';
import {
  type HttpProvider,
  type HttpResponse,
  type InboxItem,
  type InboxProvider,
  type Message,
  type Outcome,
  type Part,
  type RequestContext,
  rejected,
  revealBody,
  type SmtpProvider,
  unavailable,
} from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import type { CompiledTemplate } from '../templates/index.ts';
import { heldState } from '../tenants/index.ts';
import { type MessageTracking, track } from '../visits/index.ts';
import { compose } from './compose.ts';
import type { Health } from './health.ts';
import type { Refusal } from './held.ts';
import type { JointRequests } from './joint-requests.ts';
import { type MessageLinks, offerUnsubscribe } from './message-links.ts';
import type { Route } from './route.ts';
import { fillSealed, hideSealed, type SealedValues } from './sealed-content.ts';
import { buildPreview, type Sender } from './sender.ts';
import type { TokenCache } from './tokens.ts';
import type { Sent } from './transport/index.ts';

const ANSWER_CHARS = 1_000;
const MIN_SECRET_CHARS = 6;

export interface ExchangeTools {
  clock: Clock;
  sender: Sender;
  tokens: TokenCache;
  joint: Pick<JointRequests, 'send'>;
  random(bytes: number): Uint8Array;
  /** False once the others may have given this process up, at any time since `since` (ms since the epoch). */
  isAlive(since: number): boolean;
  /** Where vendors post receipts of a connection; undefined when this installation has no public address. */
  callbackUrl(claimed: Claimed): string | undefined;
}

export interface Talk {
  claimed: Claimed;
  health: Pick<Health, 'start'>;
  route: Route | null;
  template: CompiledTemplate | null;
  hooks: TenantHooks | null;
  /** Absent without an address for them. */
  links?: MessageLinks | null;
  /** Absent when nothing is tracked. */
  tracking?: MessageTracking | null;
  /** What replaces the marks in the message. */
  sealed?: SealedValues | null;
}

export interface Sending {
  outcome: Outcome;
  /** For the provider log. */
  detail?: Record<string, unknown>;
  inboxItem?: InboxItem;
  /** The address that failed was the recipient's own (a browser's endpoint, a user's webhook): the connection is fine. */
  recipientsFault?: boolean;
  /** Nothing left this process: the outcome says nothing about the connection. */
  untried?: boolean;
  /** What hooks did besides agreeing. */
  notes?: HookNote[];
}

/** Nothing was sent: a hook did not let it go, or (null) this process was given up while it waited for one. */
export interface Held {
  held: Refusal | null;
}

/** Renders a claimed delivery, talks to its provider, and says what the answer, or its absence, means. */
export async function exchange(work: Talk, tools: ExchangeTools): Promise<Sending | Held> {
  const { claimed, hooks } = work;
  if (!work.route) return { outcome: unavailable('account_misconfigured', { code: 'connection_missing' }) };
  const composed = compose(claimed, work.template, work.links);
  if ('problem' in composed) return { outcome: rejected('content_invalid', { code: composed.problem }) };
  const { message } = composed;
  if (claimed.request.sealed !== undefined && !work.sealed)
    return { outcome: rejected('content_invalid', { code: 'sealed_unreadable' }) };
  // After the hooks, which may write the whole content anew.
  if (!hooks) return send(finish(message, work), work, tools);
  const ruling = await hooks.preSend(claimed, message);
  if (!tools.isAlive(claimed.startedAt)) return { held: null };
  if (ruling.kind !== 'send') return { held: ruling };
  const ruled = finish({ ...message, content: ruling.content }, work);
  return { ...(await send(ruled, work, tools)), notes: ruling.notes };
}

/** What is ours in a message, whoever wrote it. */
function finish(message: Message, { links, tracking }: Talk): Message {
  return offerUnsubscribe(track(message, tracking), links);
}

async function send(composed: Message, work: Talk, tools: ExchangeTools): Promise<Sending | Held> {
  const { claimed, sealed } = work;
  // As late as this: no hook gets to see what is sealed.
  const message = sealed ? { ...composed, content: fillSealed(composed.content, sealed) } : composed;
  const route = work.route!;
  const wanted = message.content.vendorTemplates?.[route.provider.id];
  const held = wanted && heldState(route.heldTemplates ?? [], wanted);
  if (held)
    return { outcome: rejected('content_refused', { code: `vendor_template_${held}` }), untried: true };
  const refusal = 'refuse' in route.provider && route.provider.refuse?.(message, route.config);
  if (refusal) return { outcome: refusal, untried: true };
  // Not before: a hook that took its time must not look like a vendor that does not answer.
  work.health.start(claimed.id, tools.clock.now());
  const context: RequestContext = {
    now: tools.clock.now(),
    random: tools.random,
    deliveryId: claimed.id,
    baseUrl: route.baseUrl,
    callbackUrl: tools.callbackUrl(claimed),
  };
  const { provider } = route;
  switch (provider.transport) {
    case 'inbox':
      return keepItem(
        provider,
        provider.request(message, route.config, context),
        { claimed, message },
        tools,
      );
    case 'smtp':
      return sendMail(provider, work, message, context, tools);
    case 'http':
    case 'http2':
      return sendHttp(provider, work, message, context, tools);
  }
}

function keepItem(
  { id, limits: { payloadBytes } }: InboxProvider,
  inboxItem: InboxItem,
  { claimed, message }: { claimed: Claimed; message: Message },
  { sender }: ExchangeTools,
): Sending {
  if (payloadBytes !== undefined && Buffer.byteLength(JSON.stringify(inboxItem)) > payloadBytes)
    return { outcome: rejected('content_too_large', { code: `more than ${payloadBytes} bytes` }) };
  if (!claimed.live) sender.show(buildPreview(claimed, message, id));
  return { outcome: { kind: 'accepted', providerMessageId: claimed.id }, inboxItem };
}

async function sendMail(
  provider: SmtpProvider,
  { claimed, route, sealed }: Talk,
  message: Message,
  context: RequestContext,
  tools: ExchangeTools,
): Promise<Sending> {
  const request = provider.request(message, route!.config, context);
  const preview = route!.simulated ? buildPreview(claimed, message, provider.id) : '';
  const sent = await tools.sender.sendMail(request, route!, preview);
  if (sent.kind === 'fault') return { outcome: sent.outcome, detail: { fault: sent.detail } };
  const { reply } = sent;
  return {
    outcome: provider.classify(reply, { now: tools.clock.now() }),
    detail: { reply: printable(reply.reply ?? '', route!, sealed), kind: reply.kind },
  };
}

/** Twice at most: a token the vendor calls expired is replaced once, since then nothing was sent. */
async function sendHttp(
  provider: HttpProvider,
  work: Talk,
  message: Message,
  context: RequestContext,
  tools: ExchangeTools,
): Promise<Sending | Held> {
  const first = await sendHttpOnce(provider, work, message, context, tools);
  return 'outcome' in first && first.outcome.kind === 'token-expired'
    ? sendHttpOnce(provider, work, message, context, tools)
    : first;
}

async function sendHttpOnce(
  provider: HttpProvider,
  { claimed, route, sealed }: Talk,
  message: Message,
  context: RequestContext,
  tools: ExchangeTools,
): Promise<Sending | Held> {
  const token = provider.token ? await tools.tokens.get(provider, route!, message, context.now) : undefined;
  if (token && 'outcome' in token) return { outcome: token.outcome, detail: { step: 'token' } };
  const own = { ...context, token: token?.value };
  const trip = { provider, claimed, route: route!, sealed, message, context: own };
  const sending = (await sendJointly(trip, tools)) ?? (await sendAlone(trip, tools));
  if ('held' in sending) return sending;
  if (sending.outcome.kind === 'token-expired' && token) tools.tokens.drop(route!, token.value as Secret);
  return sending;
}

/** A message that is ready to go. */
interface Trip extends Part {
  provider: HttpProvider;
  claimed: Claimed;
  route: Route;
  sealed?: SealedValues | null;
}

async function sendAlone(
  { provider, claimed, route, sealed, message, context }: Trip,
  tools: ExchangeTools,
): Promise<Sending> {
  const request = provider.request(message, route.config, context);
  const { payloadBytes } = provider.limits;
  if (payloadBytes !== undefined && Buffer.byteLength(revealBody(request.body)) > payloadBytes) {
    return { outcome: rejected('content_too_large', { code: `more than ${payloadBytes} bytes` }) };
  }
  const preview = route.simulated ? buildPreview(claimed, message, provider.id) : '';
  const sent: Sent<HttpResponse> = await tools.sender.sendHttp(provider, request, route, preview);
  if (sent.kind === 'fault') return judgeFault(sent, reveal(request.url) === message.recipient.address);
  const outcome = provider.classify(sent.reply, { now: tools.clock.now(), config: route.config });
  return {
    outcome,
    detail: { status: sent.reply.status, answer: printable(sent.reply.body, route, sealed) },
  };
}

/** In one request with others, where the vendor takes that; null for what travels alone. */
async function sendJointly(
  { provider, claimed, route, sealed, message, context }: Trip,
  tools: ExchangeTools,
): Promise<Sending | Held | null> {
  // What is urgent waits for nobody, and the simulator shows what it gets one by one.
  if (!provider.batch || claimed.priority === 'high' || route.simulated) return null;
  const key = provider.batch.key(message, route.config);
  if (key === null) return null;
  const isOurs = () => tools.isAlive(claimed.startedAt);
  const arrival = await tools.joint.send({ provider, route, key, message, context, isOurs });
  if (arrival === 'left behind') return { held: null };
  if (!('outcome' in arrival)) return judgeFault(arrival.sent, false);
  const { outcome, together, sent } = arrival;
  const detail = { status: sent.reply.status, answer: printable(sent.reply.body, route, sealed) };
  return { outcome, detail: together > 1 ? { ...detail, together } : detail };
}

/** A host that the recipient named and that cannot be used is the recipient's trouble; waiting heals no other message. */
function judgeFault(
  { outcome, detail }: { outcome: Outcome; detail: string },
  isRecipients: boolean,
): Sending {
  if (!isRecipients) return { outcome, detail: { fault: detail } };
  const judged =
    outcome.kind === 'unavailable' ? rejected('recipient_unreachable', { code: outcome.code }) : outcome;
  return { outcome: judged, detail: { fault: detail }, recipientsFault: true };
}

/**
 * A vendor's words for the provider log: without the connection's own secrets and what was sealed (some are echoed), then
 * cut, so that no part of one is left, and storable.
 */
function printable(text: string, route: Route, sealed: SealedValues | null | undefined): string {
  let shown = hideSealed(text, sealed);
  for (const value of secretsOf(route.config))
    if (value.length >= MIN_SECRET_CHARS) shown = shown.replaceAll(value, '***');
  return shown.slice(0, ANSWER_CHARS).toWellFormed().replaceAll('\u0000', '');
}

function secretsOf(value: unknown): string[] {
  if (value instanceof Secret) return [value.reveal()];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsOf) : [];
}
