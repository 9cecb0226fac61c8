import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import nodemailer, { type Transporter } from 'nodemailer';
import type { EgressGuard } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import type { MailRequest, SmtpReply } from '../../providers/index.ts';
import { judgeFault, type SendOptions, type Sent, type SmtpTransport } from './transport.ts';

const MAX_CONNECTIONS = 10;
const MAX_MESSAGES = 1_000;
const IDLE_MS = 60_000;
const HEADER_TEXT = /[\r\n\0]/;
// RFC 8058 wants both unsubscribe headers under the signature; nodemailer's own list lacks the second.
const DKIM_HEADERS =
  'from:sender:reply-to:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-type:' +
  'content-transfer-encoding:list-id:list-unsubscribe:list-unsubscribe-post';

/** What an exchange is known by while nodemailer has it: whether its message was read, that is, DATA was answered 354. */
interface Evidence {
  stream: Readable | null;
}

/** SMTP (RFC 5321) over nodemailer's pooled connections, one pool for each connection. */
export function createSmtpTransport({ guard }: { guard: EgressGuard }): SmtpTransport {
  const pools = new Map<string, Transporter>();
  return {
    async send(request, options): Promise<Sent<SmtpReply>> {
      const injected = findInjection(request);
      if (injected)
        return {
          kind: 'reply',
          reply: { kind: 'fault', code: 'EENVELOPE', dataSent: false, reply: injected },
        };
      try {
        const pool = await poolOf(pools, guard, request, options);
        return { kind: 'reply', reply: await sendMail(pool, request, options) };
      } catch (error) {
        return judgeFault(error as Error, false);
      }
    },
    async close() {
      for (const pool of pools.values()) pool.close();
      pools.clear();
    },
  };
}

async function sendMail(pool: Transporter, request: MailRequest, options: SendOptions): Promise<SmtpReply> {
  const evidence: Evidence = { stream: null };
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), options.deadlineMs);
  try {
    const { mail } = request;
    const info = await pool.sendMail({
      ...mail,
      envelope: request.envelope,
      headers: { ...mail.headers, ...options.redirect?.headers },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal: abort.signal,
      evidence,
    } as Parameters<Transporter['sendMail']>[0]);
    return { kind: 'delivered', messageId: info.messageId, reply: info.response ?? '' };
  } catch (error) {
    return describeFailure(error as SmtpError, evidence.stream?.readableDidRead ?? false);
  } finally {
    clearTimeout(timer);
  }
}

interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  command?: string;
}

/** Codes under which nodemailer reports the server's own refusal of this message. */
const REFUSALS = new Set(['EENVELOPE', 'EMESSAGE']);

function describeFailure(error: SmtpError, dataSent: boolean): SmtpReply {
  const { code = 'ESOCKET', responseCode, response, command = '' } = error;
  if (REFUSALS.has(code) && responseCode !== undefined) {
    return { kind: 'refused', replyCode: responseCode, reply: response ?? error.message, command };
  }
  return { kind: 'fault', code, dataSent, replyCode: responseCode, reply: response ?? error.message };
}

async function poolOf(
  pools: Map<string, Transporter>,
  guard: EgressGuard,
  request: MailRequest,
  options: SendOptions,
): Promise<Transporter> {
  const { server, dkim } = request;
  const known = pools.get(options.connectionKey);
  if (known) return known;
  const target = options.redirect
    ? simulatorServer(options.redirect.origin)
    : {
        ...(await checkedServer(guard, server)),
        ...(server.username ? { auth: { user: server.username, pass: reveal(server.password ?? '') } } : {}),
      };
  const again = pools.get(options.connectionKey);
  if (again) return again;
  const pool = nodemailer.createTransport({
    ...target,
    pool: true,
    maxConnections: Math.min(options.maxInFlight, MAX_CONNECTIONS),
    maxMessages: MAX_MESSAGES,
    // A message that is requeued in there would be an attempt that nobody recorded.
    maxRequeues: 0,
    name: server.clientName,
    connectionTimeout: options.connectTimeoutMs,
    greetingTimeout: options.connectTimeoutMs,
    socketTimeout: options.deadlineMs,
    idleTimeout: IDLE_MS,
    ...(dkim
      ? {
          dkim: {
            domainName: dkim.domainName,
            keySelector: dkim.keySelector,
            privateKey: reveal(dkim.privateKey),
            headerFieldNames: DKIM_HEADERS,
          },
        }
      : {}),
  } as unknown as string) as Transporter;
  watchMessages(pool);
  pools.set(options.connectionKey, pool);
  return pool;
}

/** Keeps hold of each message's stream: nodemailer reads it only after the server answered DATA with 354. */
function watchMessages(pool: Transporter): void {
  pool.use('stream', (mail, done) => {
    const { evidence } = mail.data as { evidence?: Evidence };
    const createReadStream = mail.message.createReadStream.bind(mail.message);
    mail.message.createReadStream = (...args: []) => {
      const stream = createReadStream(...args);
      if (evidence) evidence.stream = stream as unknown as Readable;
      return stream;
    };
    done();
  });
}

/** The address that was checked is the one that is connected to; TLS still expects the name. */
async function checkedServer(guard: EgressGuard, server: MailRequest['server']) {
  const address = await guard.resolve(server.host);
  return {
    host: address,
    port: server.port,
    secure: server.security === 'tls',
    requireTLS: server.security === 'starttls',
    ignoreTLS: server.security === 'none',
    tls: { minVersion: 'TLSv1.2' as const, ...(isIP(server.host) === 0 ? { servername: server.host } : {}) },
  };
}

function simulatorServer(origin: string) {
  const { hostname, port } = new URL(origin);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), secure: false, ignoreTLS: true };
}

/** CR, LF or NUL in a header or address could start a new header or command: such a message is not sent at all (S4). */
function findInjection({ envelope, mail }: MailRequest): string | null {
  const texts = {
    ...envelope,
    subject: mail.subject,
    mailFrom: mail.from,
    mailTo: mail.to,
    replyTo: mail.replyTo ?? '',
    messageId: mail.messageId,
    ...mail.headers,
  };
  for (const [name, value] of Object.entries(texts)) {
    if (HEADER_TEXT.test(name) || HEADER_TEXT.test(String(value)))
      return `${name.replace(/[\r\n\0]/g, ' ')} has a line break`;
  }
  return null;
}
