import type { Content, Message, ReceiptRequest } from '../../contract.ts';

/** For tests: the delivery of the conformance suite. */
export const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
/** For tests: the moment of the conformance suite. */
export const NOW = Date.UTC(2026, 10, 21, 12);

/** For tests: what a mail with everything in it says. */
export const WHOLE: Content = {
  subject: 'Your parcel',
  text: 'It is here',
  html: '<p>It is <b>here</b></p>',
  replyTo: 'help@acme.org',
  headers: {
    'List-Unsubscribe': '<https://acme.org/u/1>',
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  },
};

/** For tests: a mail to Ann. */
export function mailOf(content: Content = WHOLE, address = 'ann@example.org'): Message {
  return {
    channel: 'email',
    recipient: { address },
    content,
    priority: 'normal',
    category: 'orders',
    userId: 'u1',
  };
}

/** For tests: what a vendor posts to where it sends receipts. */
export function posted(
  body: string | object,
  headers: Record<string, string> = {},
  url = 'https://bellhop.example/r',
): ReceiptRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'POST', url, headers, body: Buffer.from(text) };
}
