import { isUuid } from '../../../lib/ids.ts';
import type { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptEvent, ReceiptRequest } from '../../contract.ts';
import { isEqual } from '../../wire/equal.ts';
import { HAS_OPTED_OUT } from '../mail/verdict.ts';
import { readBounceAddress } from './bounce-address.ts';
import { readLetter } from './bounce-letter.ts';
import { type Finding, judgeBounce } from './bounce-verdict.ts';
import { type Entity, partsOf, readEntity, readGroups, textOf, typeOf } from './report.ts';

interface BounceConfig {
  bounceSecret?: Secret;
}

/** The server that takes bounces hands them on with the secret of the connection: `Authorization: Bearer …`. */
export function isFromOurServer({ headers }: ReceiptRequest, { bounceSecret }: BounceConfig): boolean {
  const [, given] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  return bounceSecret !== undefined && given !== undefined && isEqual(given, bounceSecret.reveal());
}

/**
 * A bounce (RFC 3464 in RFC 6522, or what older servers write), or a complaint (RFC 5965), as the raw message that came.
 * Whatever is neither (an absence note, an answer) is no receipt.
 */
export function parseBounce({ body }: ReceiptRequest, { bounceSecret }: BounceConfig): Receipt[] {
  const text = textOf(body);
  const found = readFindings(readEntity(text));
  if (found.length === 0) return [];
  const deliveryId = (bounceSecret && readBounceAddress(text, bounceSecret)) ?? readMessageId(text);
  if (!deliveryId) return [];
  return found.map((finding) => ({
    ...finding,
    deliveryId,
    providerMessageId: null,
    at: null,
    eventKey: `${finding.event} ${finding.code ?? ''}`,
  }));
}

function readFindings(entity: Entity): Finding[] {
  const parts = partsOf(entity);
  const complaint = parts.find((part) => typeOf(part) === 'message/feedback-report');
  if (complaint) return readComplaint(complaint);
  // RFC 6533 has a form of its own for addresses beyond ASCII.
  const status = parts.find((part) => /^message\/(global-)?delivery-status$/.test(typeOf(part)));
  if (status) return readGroups(status.body).flatMap(readRecipient);
  return readLetter(entity, parts);
}

/** https://www.iana.org/assignments/marf-parameters: what is not about this recipient's wish is left alone. */
function readComplaint({ body }: Entity): Finding[] {
  const type = readGroups(body)[0]?.get('feedback-type')?.toLowerCase();
  if (type === 'abuse' || type === 'fraud') return [{ event: 'complained', ...HAS_OPTED_OUT }];
  return type?.startsWith('opt-out') ? [{ event: 'unsubscribed', ...HAS_OPTED_OUT }] : [];
}

/** RFC 3464, 2.3.3. `expanded` says nothing of the members of the list. */
const ACTIONS = new Map<string, ReceiptEvent | null>([
  ['failed', 'bounced'],
  ['delayed', 'delayed'],
  ['delivered', 'delivered'],
  ['relayed', 'sent'],
  ['expanded', null],
]);
const BY_CLASS: Record<string, ReceiptEvent> = { 2: 'delivered', 4: 'delayed', 5: 'bounced' };

function readRecipient(fields: Map<string, string>): Finding[] {
  const status = /(?:^|\s)([245]\.\d{1,3}\.\d{1,3})(?!\d)/.exec(fields.get('status') ?? '')?.[1];
  const action = fields
    .get('action')
    ?.toLowerCase()
    .split(/[\s(;]/, 1)[0];
  if (status === undefined && action === undefined) return [];
  const event = ACTIONS.get(action ?? '') ?? (ACTIONS.has(action ?? '') ? null : BY_CLASS[status?.[0] ?? '']);
  if (!event) return [];
  const diagnostic = (fields.get('diagnostic-code') ?? '').replace(/^[\w-]{1,20}\s*;\s*/, '');
  if (event === 'bounced') return [judgeBounce(status, diagnostic)];
  return [{ event, ...(event === 'delayed' && status !== undefined && { code: status }) }];
}

// Servers without plus addresses lose the token; what they return names the mail: its own id, which only its recipient
// knows, or what we asked to be named (RFC 3461, ENVID).
const NAMES =
  /^(?:message-id|in-reply-to|references|original-envelope-id):[ \t]*(?:\n[ \t]*)?<?([0-9a-f-]{36})(?=[@>\s])/gim;
const MAX_NAMES = 32;

function readMessageId(text: string): string | null {
  let tries = 0;
  for (const [, id] of text.matchAll(NAMES)) {
    if (++tries > MAX_NAMES) return null;
    if (isUuid(id!.toLowerCase())) return id!.toLowerCase();
  }
  return null;
}
