import { createHmac } from 'node:crypto';
import { isUuid } from '../../../lib/ids.ts';
import type { Secret } from '../../../lib/secret.ts';
import {
  type InboundMessage,
  parseObject,
  type Receipt,
  type ReceiptEvent,
  type ReceiptRequest,
  type VendorTemplateNews,
  type VendorTemplateState,
} from '../../contract.ts';
import { toE164 } from '../../sms/number/number.ts';
import { isEqual } from '../../wire/equal.ts';
import { causeOf } from '../../wire/verdict.ts';
import { outcomeOf } from './errors.ts';

type Json = Record<string, unknown>;

/** https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads: of the bytes as they came. */
export function isSigned({ headers, body }: ReceiptRequest, appSecret: Secret): boolean {
  const mac = createHmac('sha256', appSecret.reveal()).update(body).digest('hex');
  return isEqual(headers['x-hub-signature-256'] ?? '', `sha256=${mac}`);
}

/** https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests: a GET nobody signs. */
export function answerChallenge(
  { method, url }: ReceiptRequest,
  verifyToken: Secret | undefined,
): { contentType: string; body: string } | null {
  const query = URL.parse(url)?.searchParams;
  const challenge = query?.get('hub.challenge');
  if (method !== 'GET' || !challenge || query?.get('hub.mode') !== 'subscribe' || !verifyToken) return null;
  return isEqual(query.get('hub.verify_token') ?? '', verifyToken.reveal())
    ? { contentType: 'text/plain', body: challenge }
    : null;
}

const EVENTS = new Map<unknown, ReceiptEvent>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'opened'],
  ['failed', 'failed'],
]);

/** Statuses of messages: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components#statuses-object */
export function parseStatuses(request: ReceiptRequest, phoneNumberId: string): Receipt[] {
  return valuesOf(request, phoneNumberId).flatMap((value) => listOf(value.statuses).flatMap(parseStatus));
}

function parseStatus({ id, status, timestamp, biz_opaque_callback_data: ours, errors }: Json): Receipt[] {
  const event = EVENTS.get(status);
  if (!event || typeof id !== 'string' || id === '') return [];
  const code = listOf(errors)[0]?.code;
  const word = Number.isSafeInteger(code) ? `${code}` : undefined;
  return [
    {
      event,
      deliveryId: typeof ours === 'string' && isUuid(ours) ? ours : null,
      providerMessageId: id,
      at: /^\d{1,12}$/.test(String(timestamp)) ? Number(timestamp) * 1_000 : null,
      eventKey: `${id}:${status}`,
      ...(event === 'failed' && causeOf(outcomeOf(word ?? ''), word)),
    },
  ];
}

/**
 * What people wrote or tapped. `user_preferences` is no wish to hear nothing any more: it is about marketing alone, which
 * WhatsApp itself then keeps back (131050).
 */
export function parseInbound(request: ReceiptRequest, phoneNumberId: string): InboundMessage[] {
  return valuesOf(request, phoneNumberId).flatMap((value) => listOf(value.messages).flatMap(parseMessage));
}

/** https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components#messages-object */
function parseMessage(message: Json): InboundMessage[] {
  const from = addressOf(message.from, message.from_user_id);
  const said = [objectOf(message.text)?.body, objectOf(message.button)?.text];
  const text = said.find((each): each is string => typeof each === 'string');
  return from !== undefined && text !== undefined ? [{ from, text }] : [];
}

const STATES = new Map<unknown, VendorTemplateState>([
  ['APPROVED', 'approved'],
  ['REINSTATED', 'approved'],
  ['PENDING', 'pending'],
  ['IN_APPEAL', 'pending'],
  ['REJECTED', 'rejected'],
  ['FLAGGED', 'approved'],
  ['PAUSED', 'paused'],
  ['DISABLED', 'disabled'],
  ['PENDING_DELETION', 'disabled'],
]);

/**
 * What became of the texts of the business account, whichever of its numbers the connection has:
 * https://developers.facebook.com/docs/whatsapp/business-management-api/webhooks/components#message-template-status-update
 */
export function parseTemplateNews(request: ReceiptRequest): VendorTemplateNews[] {
  return changesOf(request)
    .filter(({ field }) => field === 'message_template_status_update')
    .flatMap((change): VendorTemplateNews[] => {
      const {
        event,
        message_template_name: id,
        message_template_language: language,
        reason,
      } = objectOf(change.value) ?? {};
      const state = STATES.get(event);
      if (!state || typeof id !== 'string' || id === '') return [];
      return [
        {
          id,
          state,
          ...(typeof language === 'string' && { language }),
          ...(typeof reason === 'string' && reason !== 'NONE' && { reason }),
        },
      ];
    });
}

/** People may hide their number, and are then known by an id of the business alone. */
function addressOf(number: unknown, userId: unknown): string | undefined {
  if (typeof number === 'string' && number !== '') return toE164(number);
  return typeof userId === 'string' && userId !== '' ? userId : undefined;
}

/** An app may serve several numbers, whose posts all come to one address. */
function valuesOf(request: ReceiptRequest, phoneNumberId: string): Json[] {
  return changesOf(request)
    .map((change) => objectOf(change.value))
    .filter((value) => value !== undefined)
    .filter((value) => objectOf(value.metadata)?.phone_number_id === phoneNumberId);
}

function changesOf({ body }: ReceiptRequest): Json[] {
  return listOf(parseObject(Buffer.from(body).toString())?.entry).flatMap((entry) => listOf(entry.changes));
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(objectOf).filter((each) => each !== undefined) : [];
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
