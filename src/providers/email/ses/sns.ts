import { createPublicKey, verify } from 'node:crypto';
import type { ReceiptRequest } from '../../contract.ts';
import { asObject, asText, parseJson } from '../mail/vendor-json.ts';

/** What of the configuration a post from SNS is held against. */
export interface SnsTrust {
  topicArn?: string;
  sha256Only?: boolean;
}

/** Only Amazon's own: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
const SNS_HOST = /^sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?$/;

const CONFIRMATION_KEYS = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
/** What is signed of each type of message, in this order. */
const SIGNED_KEYS = new Map([
  ['Notification', ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']],
  ['SubscriptionConfirmation', CONFIRMATION_KEYS],
  ['UnsubscribeConfirmation', CONFIRMATION_KEYS],
]);

export function readEnvelope({ body }: ReceiptRequest): Record<string, unknown> {
  return asObject(parseJson(body));
}

/** Each key and its value on lines of their own; `Subject` only where there is one. */
export function textToSign(envelope: Record<string, unknown>): string | null {
  const keys = SIGNED_KEYS.get(String(asText(envelope.Type)));
  if (keys === undefined) return null;
  return keys
    .filter((key) => typeof envelope[key] === 'string')
    .map((key) => `${key}\n${envelope[key]}\n`)
    .join('');
}

/** The address of the certificate in a post of our topic, if it is at SNS itself: no other key may vouch for anything. */
export function certificateUrlOf(request: ReceiptRequest, { topicArn }: SnsTrust): string | null {
  const envelope = readEnvelope(request);
  if (!topicArn || envelope.TopicArn !== topicArn) return null;
  const url = snsUrl(envelope.SigningCertURL);
  return url?.pathname.endsWith('.pem') && url.search === '' ? url.href : null;
}

/**
 * RSA over the fields that matter, with SHA-1 (version 1) or SHA-256 (2). The age is not judged: SNS may be told to
 * repeat for an hour, and a repeated event changes nothing.
 */
export function isSigned(
  request: ReceiptRequest,
  trust: SnsTrust,
  { certificate }: { certificate?: string },
): boolean {
  const envelope = readEnvelope(request);
  const text = textToSign(envelope);
  const signature = asText(envelope.Signature);
  const { SignatureVersion: version } = envelope;
  const algorithm = version === '2' ? 'sha256' : version === '1' && !trust.sha256Only ? 'sha1' : null;
  if (certificate === undefined || text === null || signature === null || algorithm === null) return false;
  if (!trust.topicArn || envelope.TopicArn !== trust.topicArn) return false;
  try {
    const key = createPublicKey(certificate);
    if (key.asymmetricKeyType !== 'rsa') return false;
    return verify(algorithm, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** Where a subscription of our topic is confirmed: only the topic that the connection names gets a yes. */
export function subscribeUrlOf(request: ReceiptRequest, { topicArn }: SnsTrust): string | null {
  const envelope = readEnvelope(request);
  if (envelope.Type !== 'SubscriptionConfirmation' || !topicArn || envelope.TopicArn !== topicArn)
    return null;
  return snsUrl(envelope.SubscribeURL)?.href ?? null;
}

function snsUrl(value: unknown): URL | null {
  const url = URL.parse(asText(value) ?? '');
  const isPlain = url?.protocol === 'https:' && url.port === '' && url.username === '' && url.password === '';
  return url && isPlain && SNS_HOST.test(url.hostname) ? url : null;
}
