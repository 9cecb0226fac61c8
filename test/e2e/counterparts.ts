import { createDecipheriv, createECDH, createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** Real counterparts on loopback: a mail server, a browser's push service with its subscription, Apple's push service. */

export interface MailServer {
  port: number;
  mails: Email[];
  /** Answers each recipient by its reply code; 250 when it is not named. */
  replies: Map<string, number[]>;
  close(): Promise<void>;
}

/** On a free port, or on one where a server was before. */
export async function startMailServer(port = 0): Promise<MailServer> {
  const mails: Email[] = [];
  const replies = new Map<string, number[]>();
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    allowInsecureAuth: true,
    onAuth(_auth, _session, done) {
      done(Object.assign(new Error('5.7.8 Authentication credentials invalid'), { responseCode: 535 }));
    },
    onRcptTo({ address }, _session, done) {
      const code = replies.get(address)?.shift();
      done(
        code
          ? Object.assign(new Error(code < 500 ? '4.3.0 Try again later' : '5.1.1 User unknown'), {
              responseCode: code,
            })
          : null,
      );
    },
    onData(stream, _session, done) {
      buffer(stream)
        .then((raw) => PostalMime.parse(raw))
        .then((mail) => {
          mails.push(mail);
          done(null);
        }, done);
    },
  });
  // A process that is killed resets its connections; nobody listening, the error would end the tests instead.
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') throw error;
  });
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');
  const address = server.server.address() as { port: number };
  return {
    port: address.port,
    mails,
    replies,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface PushService {
  origin: string;
  /** What the browser handed to the page at subscribing. */
  subscription: { endpoint: string; keys: { p256dh: string; auth: string } };
  requests: { headers: IncomingMessage['headers']; body: Buffer }[];
  /** Status of the next answers; 201 when empty. */
  statuses: number[];
  /** Decrypts a body with the subscription's private key (RFC 8291, receiving side). */
  decrypt(body: Buffer): string;
  close(): Promise<void>;
}

/** Keys of an application server (RFC 8292). Node leaves leading zeros of a private key out: one in 256 is short. */
export function newVapidKeys(): { publicKey: string; privateKey: string } {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  const scalar = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  return { publicKey: pair.getPublicKey('base64url'), privateKey: scalar.toString('base64url') };
}

export async function startPushService(): Promise<PushService> {
  const browser = createECDH('prime256v1');
  browser.generateKeys();
  const auth = randomBytes(16);
  const requests: PushService['requests'] = [];
  const statuses: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push({ headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(statuses.shift() ?? 201, { location: `/message/${requests.length}` }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    origin,
    subscription: {
      endpoint: `${origin}/push/abc123`,
      keys: { p256dh: browser.getPublicKey('base64url'), auth: auth.toString('base64url') },
    },
    requests,
    statuses,
    decrypt: (body) => decryptWebPush(body, browser, auth),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** RFC 8188 header, then RFC 8291, 3.4, from the browser's side. */
function decryptWebPush(body: Buffer, browser: ReturnType<typeof createECDH>, auth: Buffer): string {
  const salt = body.subarray(0, 16);
  const idLength = body[20]!;
  const sender = body.subarray(21, 21 + idLength);
  const sealed = body.subarray(21 + idLength);
  const hmac = (key: Buffer, data: Buffer) => createHmac('sha256', key).update(data).digest();
  const expand = (prk: Buffer, info: Buffer, length: number) =>
    hmac(prk, Buffer.concat([info, Buffer.from([1])])).subarray(0, length);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.getPublicKey(), sender]);
  const ikm = expand(hmac(auth, browser.computeSecret(sender)), info, 32);
  const prk = hmac(salt, ikm);
  const key = expand(prk, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = expand(prk, Buffer.from('Content-Encoding: nonce\0'), 12);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString('utf8');
}

export interface Apple {
  origin: string;
  requests: { headers: IncomingHttpHeaders; body: string }[];
  /** Chooses the answer by the device token; 200 when it returns null. */
  answer: (token: string) => { status: number; body: object } | null;
  close(): Promise<void>;
}

export async function startApple(): Promise<Apple> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server();
  const apple: Apple = {
    origin: '',
    requests: [],
    answer: () => null,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => resolve());
      }),
  };
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.on('request', (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      apple.requests.push({ headers: request.headers, body });
      const refused = apple.answer(request.headers[':path']!.split('/').at(-1)!);
      response.writeHead(refused?.status ?? 200, { 'apns-id': request.headers['apns-id'] });
      response.end(refused ? JSON.stringify(refused.body) : '');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  apple.origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return apple;
}
