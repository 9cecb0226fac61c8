import { randomBytes } from 'node:crypto';
import { isIP, type LookupFunction } from 'node:net';
import type SMTPPool from 'nodemailer/lib/smtp-pool';
import type { SMTPPoolOptions } from 'nodemailer/lib/smtp-pool';
import type { Target } from '../../lib/egress.ts';
import { onDemand } from '../../lib/on-demand.ts';
import { reveal } from '../../lib/secret.ts';
import type { MailRequest, SmtpReply } from '../../providers/index.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import { type DkimKey, readDkimKey, signMail } from './dkim.ts';
import { isTlsRefusal } from './fault.ts';
import { Letter } from './letter.ts';
import { composeMail, renderMail } from './mail-text.ts';
import type { Pool } from './pools.ts';
import { openSocket } from './smtp-socket.ts';
import type { SendOptions } from './transport.ts';

const smtpPool = onDemand<typeof SMTPPool>('nodemailer/lib/smtp-pool');

const MAX_CONNECTIONS = 10;
const MAX_MESSAGES = 1_000;
const IDLE_CONNECTION_MS = 60_000;
export interface SmtpPoolOptions {
  /** The first message: server and DKIM key are the same for all of a connection. */
  request: MailRequest;
  options: SendOptions;
  target: Target;
  /** Absent for our own simulator only. */
  lookup: LookupFunction | undefined;
  deadlines: Deadlines;
}

/** nodemailer's pooled connections to one server, with messages of our own writing. Throws when the DKIM key cannot be read. */
export class SmtpPool implements Pool {
  readonly #pool: SMTPPool;
  readonly #dkim: DkimKey | null;
  readonly #running = new Set<Promise<SmtpReply>>();
  readonly #deadlines: Deadlines;
  #usedAt = performance.now();

  constructor(options: SmtpPoolOptions) {
    this.#deadlines = options.deadlines;
    this.#dkim = options.request.dkim ? readDkimKey(options.request.dkim) : null;
    const Pool = smtpPool();
    this.#pool = new Pool(buildOptions(options));
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
    this.#pool.close();
  }

  destroy(): void {
    this.#pool.close({ force: true });
  }

  async #send(
    { mail, envelope }: MailRequest,
    { redirect, deadlineMs, signal }: SendOptions,
  ): Promise<SmtpReply> {
    const deadline = new Deadline();
    const due = this.#deadlines.add(deadline, deadlineMs);
    const headers = { ...mail.headers, ...redirect?.headers };
    let letter: Letter | undefined;
    try {
      letter = new Letter(mail.messageId, envelope, await this.#write({ ...mail, headers }));
      const response = await this.#post(
        letter,
        signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
      );
      return { kind: 'delivered', messageId: mail.messageId, reply: response ?? '' };
    } catch (error) {
      return describeFailure(error as SmtpError, letter?.readableDidRead ?? false, deadline.signal.aborted);
    } finally {
      due.delete(deadline);
    }
  }

  async #write(mail: MailRequest['mail']): Promise<Buffer> {
    const boundary = `=_${randomBytes(12).toString('hex')}`;
    const text = composeMail(mail, { now: Date.now(), boundary });
    if (this.#dkim) text.headers.unshift(await signMail(text, this.#dkim));
    return Buffer.from(renderMail(text));
  }

  #post(message: Letter, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const mail = { data: { signal }, message } as unknown as Parameters<SMTPPool['send']>[0];
      this.#pool.send(mail, (error, info) => (error ? reject(error) : resolve(info?.response)));
    });
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
function describeFailure(error: SmtpError, dataSent: boolean, isOverdue: boolean): SmtpReply {
  const { code = 'ESOCKET', originalCode = '', responseCode, response, command = '', message } = error;
  const reply = response ?? message;
  if (REFUSALS.has(code) && responseCode !== undefined) {
    return { kind: 'refused', replyCode: responseCode, reply, command };
  }
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
  const { server } = request;
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
