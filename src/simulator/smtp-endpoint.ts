import type { Server, Socket } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { SmtpProvider, SmtpReply } from '../providers/contract.ts';
import { behavioursOf, drawBehaviour, drawDelayMs, isBreakdown } from './faults.ts';
import { parseMail } from './mail.ts';
import { type Stage, UNKNOWN_SENDER } from './vendor-api.ts';
import { findWish } from './wish.ts';

const MAX_MAIL_BYTES = 10 * 1024 * 1024;

/** When in the conversation a behaviour shows, and how. */
type Act =
  | { at: 'RCPT' | 'DATA'; refuse: { code: number; lines: string[] } }
  | { at: 'RCPT' | 'DATA'; breakdown: 'hang' | 'reset' }
  | { at: 'DATA'; accept: string };

interface Call {
  provider: SmtpProvider;
  behaviours: Set<string>;
  stage: Stage;
  /** The sockets by address and port of the client: the session does not tell its own. */
  sockets: Map<string, Socket>;
  /** What the recipient of a session's mail made of it. */
  chosen: WeakMap<SMTPServerSession, string>;
}

/** Plays the first SMTP provider there is: mail is accepted from anybody and goes no further than the mailbox. */
export function createSmtpEndpoint(provider: SmtpProvider, stage: Stage): { server: Server; close(): void } {
  const call: Call = {
    provider,
    behaviours: behavioursOf(provider),
    stage,
    sockets: new Map(),
    chosen: new WeakMap(),
  };
  const smtp = new SMTPServer({
    banner: 'Bellhop simulator',
    size: MAX_MAIL_BYTES,
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1,
    // The replies of the examples bring their own codes. (Both options are younger than the type declarations.)
    ...{ hideENHANCEDSTATUSCODES: true, rejectOversized: true },
    onAuth: (auth, _session, callback) => callback(null, { user: auth.username ?? 'anybody' }),
    onRcptTo: ({ address }, session, callback) => receiveRecipient(call, address, session, callback),
    onData: (stream, session, callback) => receiveMail(call, stream, session, callback),
  });
  smtp.on('error', () => {});
  smtp.server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    call.sockets.set(name, socket);
    socket.on('close', () => call.sockets.delete(name));
  });
  return {
    server: smtp.server,
    close() {
      smtp.close();
      for (const socket of call.sockets.values()) socket.destroy();
    },
  };
}

type Callback = (error: Error | null, message?: string) => void;

/** The recipient decides; a mail's later recipients follow the first that wishes for something. */
function receiveRecipient(call: Call, address: string, session: SMTPServerSession, callback: Callback): void {
  const { provider, behaviours, stage } = call;
  const name =
    findWish([address], behaviours) ??
    call.chosen.get(session) ??
    drawBehaviour(stage.faults.of(provider.id).mix, behaviours, stage.random);
  call.chosen.set(session, name);
  const act = actOf(provider, name);
  if (act.at !== 'RCPT') {
    callback(null);
    return;
  }
  record(call, session, address, name, null);
  call.chosen.delete(session);
  perform(call, act, session, callback);
}

async function receiveMail(
  call: Call,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  callback: Callback,
): Promise<void> {
  const name = call.chosen.get(session) ?? 'accepted';
  call.chosen.delete(session);
  const recipients = session.envelope.rcptTo.map(({ address }) => address).join(', ');
  const source = await readAll(stream);
  // Of a mail that is too large smtp-server itself tells the client; one that broke off has no reader any more.
  if (!source) {
    callback(null);
    return;
  }
  record(call, session, recipients, name, await parseMail(source));
  perform(call, actOf(call.provider, name), session, callback);
}

async function readAll(stream: SMTPServerDataStream): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
  } catch {
    return null;
  }
  return stream.sizeExceeded ? null : Buffer.concat(chunks);
}

function record(
  { provider, stage }: Call,
  session: SMTPServerSession,
  recipient: string,
  name: string,
  mail: Awaited<ReturnType<typeof parseMail>> | null,
): void {
  const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
  stage.mailbox.add({
    at: stage.clock.now(),
    answered: name,
    kind: isBreakdown(name) ? 'fault' : provider.examples[name]!.outcome.kind,
    ...UNKNOWN_SENDER,
    channel: provider.channel,
    provider: provider.id,
    recipient,
    mail: { from, to: recipient, headers: [] },
    raw: null,
    ...mail,
  });
  stage.logger.debug({ provider: provider.id, example: name }, 'simulated a mail');
}

async function perform(call: Call, act: Act, session: SMTPServerSession, callback: Callback): Promise<void> {
  const { stage, provider, sockets } = call;
  const delayMs = drawDelayMs(stage.faults.of(provider.id), stage.random);
  if (delayMs > 0) await stage.clock.sleep(delayMs, stage.signal);
  if ('accept' in act) return callback(null, act.accept);
  if ('refuse' in act) {
    // An array becomes a reply of several lines.
    const error = Object.assign(new Error(), { responseCode: act.refuse.code, message: act.refuse.lines });
    return callback(error as unknown as Error);
  }
  if (act.breakdown === 'reset') {
    sockets.get(`${session.remoteAddress} ${session.remotePort}`)?.resetAndDestroy();
  }
}

/** Breakdowns happen after the mail was handed over, when nobody can tell whether it was sent. */
function actOf(provider: SmtpProvider, name: string): Act {
  if (isBreakdown(name)) return { at: 'DATA', breakdown: name === 'hang' ? 'hang' : 'reset' };
  const { reply } = provider.examples[name]!;
  if (reply.kind === 'delivered') return { at: 'DATA', accept: linesOf(reply.reply).join(' ') };
  const at = whenOf(reply);
  if (reply.kind === 'refused') return { at, refuse: { code: reply.replyCode, lines: linesOf(reply.reply) } };
  if (reply.replyCode) return { at, refuse: { code: reply.replyCode, lines: linesOf(reply.reply ?? '') } };
  return { at, breakdown: reply.code === 'ETIMEDOUT' ? 'hang' : 'reset' };
}

/** The recipient is not known before RCPT, so what a server says earlier is said there. */
function whenOf(reply: Exclude<SmtpReply, { kind: 'delivered' }>): 'RCPT' | 'DATA' {
  const isLate = reply.kind === 'fault' ? reply.dataSent : reply.command.toUpperCase() === 'DATA';
  return isLate ? 'DATA' : 'RCPT';
}

/** The text of each line without the reply code, which is sent with every line. */
function linesOf(reply: string): string[] {
  return reply.split(/\r?\n/).map((line) => line.replace(/^[0-9]{3}[ -]/, ''));
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress?.replace(/^::ffff:/, '')} ${socket.remotePort}`;
}
