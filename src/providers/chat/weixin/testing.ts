import { Secret } from '../../../lib/secret.ts';
import type { Content, Message, ReceiptRequest } from '../../contract.ts';
import { encryptText, signParts } from '../../wire/wechat-crypt.ts';

/** For tests: the moment of the conformance suite, and its delivery. */
export const NOW = Date.UTC(2026, 10, 21, 12);
export const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
export const OPENID = 'OPENID_Rq0aUa0393vr31';

/** For tests: what the console shares. */
export const callbackToken = new Secret('mytoken');
export const encodingAesKey = new Secret('abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE');

/** For tests: a chat message. */
export function chatTo(address: string, content: Content): Message {
  const recipient = { address };
  return { channel: 'chat', recipient, content, priority: 'normal', category: 'orders', userId: 'u1' };
}

const TIMESTAMP = `${NOW / 1000}`;
const NONCE = 'nonce123';

/** For tests: a call of the callback with the query that is given, besides when it was made. */
export function call(
  method: string,
  query: Record<string, string>,
  body = '',
  timestamp = TIMESTAMP,
): ReceiptRequest {
  const parameters = new URLSearchParams({ timestamp, nonce: NONCE, ...query });
  const url = `https://bellhop.example/v1/receipts/t/c?${parameters}`;
  return { method, url, headers: {}, body: Buffer.from(body) };
}

/** For tests: a post as WeChat signs it in plain mode. */
export function plainPost(body: string, timestamp = TIMESTAMP): ReceiptRequest {
  return call('POST', { signature: signParts(callbackToken, timestamp, NONCE) }, body, timestamp);
}

/** For tests: what the vendor makes of a text in secure mode, with its signature. */
export function seal(
  text: string,
  receiveId: string,
  timestamp = TIMESTAMP,
): { encrypted: string; signature: string } {
  const encrypted = encryptText(text, { encodingAesKey, receiveId, random: Buffer.from('0123456789abcdef') });
  return { encrypted, signature: signParts(callbackToken, timestamp, NONCE, encrypted) };
}

/** For tests: a post in secure mode. */
export function securePost(text: string, receiveId: string, timestamp = TIMESTAMP): ReceiptRequest {
  const { encrypted, signature } = seal(text, receiveId, timestamp);
  const body = text.startsWith('{')
    ? JSON.stringify({ ToUserName: 'gh_1', Encrypt: encrypted })
    : `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
  return call('POST', { msg_signature: signature, encrypt_type: 'aes' }, body, timestamp);
}

/** For tests: the XML of an event. */
export function eventXml(event: string, inside = '', from = OPENID): string {
  return (
    `<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[${from}]]></FromUserName>` +
    `<CreateTime>1395658920</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[${event}]]></Event>${inside}</xml>`
  );
}
