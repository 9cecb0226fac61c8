import { createPrivateKey } from 'node:crypto';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import nodemailer, { type SendMailOptions } from 'nodemailer';
import type { SMTPPoolOptions } from 'nodemailer/lib/smtp-pool';
import type { Target } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import type { MailRequest, SmtpReply } from '../../providers/index.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import { isTlsRefusal } from './fault.ts';
import type { Pool } from './pools.ts';
import { openSocket } from './smtp-socket.ts';
import type { SendOptions } from './transport.ts';

const MAX_CONNECTIONS = 10;
const MAX_MESSAGES = 1_000;
const IDLE_CONNECTION_MS = 60_000;
/** RFC 8058 wants both unsubscribe headers under the signature; nodemailer's own list lacks the second. */
const SIGNED_HEADERS =
  'from:sender:reply-to:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-type:' +
  'content-transfer-encoding:list-id:list-unsubscribe:list-unsubscribe-post';

export interface SmtpPoolOptions {
  /** The first message: server and DKIM key are the same for all of a connection. */
  request: MailRequest;
  options: SendOptions;
  target: Target;
  /** Absent for our own simulator only. */
  lookup: LookupFunction | undefined;
  deadlines: Deadlines;
}

/** How far a message got. */
interface Progress {
  stream: Readable | null;
}

/** nodemailer's pooled connections to one server. Throws when the DKIM key cannot be read. */
export class SmtpPool implements Pool {
  readonly #mailer;
  readonly #running = new Set<Promise<SmtpReply>>();
  readonly #deadlines: Deadlines;
  #usedAt = performance.now();

  constructor(options: SmtpPoolOptions) {
    this.#deadlines = options.deadlines;
    this.#mailer = nodemailer.createTransport({ ...buildOptions(options), pool: true });
    this.#mailer.use('stream', (mail, done) => {
      const { progress } = mail.data as { progress?: Progress };
      const createReadStream = mail.message.createReadStream.bind(mail.message);
      mail.message.createReadStream = (options) => {
        const stream = createReadStream(options);
        if (progress) progress.stream = stream;
        return stream;
      };
      done();
    });
  }

  async send(request: MailRequest, options: SendOptions): Promise<SmtpReply> {
    this.#usedAt = performance.now();
    const running = this.#send(request, options);
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  isIdleSince(moment: number): boolean {
    return this.#usedAt <= moment && this.#running.size === 0;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running]);
    this.#mailer.close();
  }

  destroy(): void {
    this.#mailer.close({ force: true });
  }

  async #send(
    { mail, envelope }: MailRequest,
    { redirect, deadlineMs, signal }: SendOptions,
  ): Promise<SmtpReply> {
    const progress: Progress = { stream: null };
    const deadline = new Deadline();
    const due = this.#deadlines.add(deadline, deadlineMs);
    const message: SendMailOptions & { progress: Progress } = {
      ...mail,
      envelope,
      headers: { ...mail.headers, ...redirect?.headers },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
      progress,
    };
    try {
      const info = await this.#mailer.sendMail(message);
      return { kind: 'delivered', messageId: info.messageId, reply: info.response ?? '' };
    } catch (error) {
      return describeFailure(error as SmtpError, progress, deadline.signal.aborted);
    } finally {
      due.delete(deadline);
    }
  }
}

/** `AbortSignal.timeout` would keep signal and timer of every message for a minute, long after it was sent. */
class Deadline extends AbortController implements Expiring {
  expire(): void {
    this.abort();
  }
}

interface SmtpError extends Error {
  code?: string;
  /** What the code was before nodemailer gave it its own. */
  originalCode?: string;
  responseCode?: number;
  response?: string;
  command?: string;
}

/** Codes under which nodemailer reports the server's own refusal of this message. */
const REFUSALS = new Set(['EENVELOPE', 'EMESSAGE']);

/**
 * nodemailer gives the same codes before DATA and after the final dot, so they prove nothing. But it reads a message
 * only once DATA was answered with 354: one that was not read cannot have been taken.
 */
function describeFailure(error: SmtpError, progress: Progress, isOverdue: boolean): SmtpReply {
  const { code = 'ESOCKET', originalCode = '', responseCode, response, command = '', message } = error;
  const reply = response ?? message;
  if (REFUSALS.has(code) && responseCode !== undefined) {
    return { kind: 'refused', replyCode: responseCode, reply, command };
  }
  const dataSent = progress.stream?.readableDidRead ?? false;
  if (code === 'EABORT' && isOverdue) return { kind: 'fault', code: 'ETIMEDOUT', dataSent };
  return {
    kind: 'fault',
    code: isTlsRefusal(originalCode) ? 'ETLS' : code,
    dataSent,
    replyCode: responseCode,
    reply,
  };
}

function buildOptions({ request, options, target, lookup }: SmtpPoolOptions): SMTPPoolOptions {
  const { server, dkim } = request;
  const isLive = !options.redirect;
  const security = isLive ? server.security : 'none';
  return {
    host: target.host,
    port: target.port,
    name: server.clientName,
    getSocket: (_, callback) => openSocket({ target, lookup, timeoutMs: options.connectTimeoutMs }, callback),
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    opportunisticTLS: security === 'opportunistic',
    ignoreTLS: security === 'none',
    tls: { minVersion: 'TLSv1.2', ...(isIP(target.host) === 0 ? { servername: target.host } : {}) },
    auth:
      isLive && server.username ? { user: server.username, pass: reveal(server.password ?? '') } : undefined,
    dkim: dkim ? readDkim(dkim) : undefined,
    maxConnections: Math.min(options.maxInFlight, MAX_CONNECTIONS),
    maxMessages: MAX_MESSAGES,
    // A message that nodemailer queues again would be an attempt that nobody recorded.
    maxRequeues: 0,
    connectionTimeout: options.connectTimeoutMs,
    greetingTimeout: options.connectTimeoutMs,
    socketTimeout: options.deadlineMs,
    idleTimeout: IDLE_CONNECTION_MS,
  };
}

function readDkim({ domainName, keySelector, privateKey }: NonNullable<MailRequest['dkim']>) {
  const pem = reveal(privateKey);
  if (createPrivateKey(pem).asymmetricKeyType !== 'rsa') throw new Error('the DKIM key is not an RSA key');
  return { domainName, keySelector, privateKey: pem, headerFieldNames: SIGNED_HEADERS };
}
