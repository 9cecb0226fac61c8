import { type EgressGuard, EgressRefusedError, type Target } from '../../lib/egress.ts';
import { parseEmailAddress } from '../../lib/email-address.ts';
import type { MailRequest, SmtpReply } from '../../providers/index.ts';
import { Deadlines } from './deadlines.ts';
import { closedError, judgeFault } from './fault.ts';
import { Pools } from './pools.ts';
import { SmtpPool } from './smtp-pool.ts';
import type { SendOptions, SmtpTransport, TransportTools } from './transport.ts';

const IDLE_POOL_MS = 60_000;
const LINE_BREAK = /[\r\n\0]/;
/** RFC 5322, 2.2: printable ASCII without the colon. */
const HEADER_NAME = /^[!-9;-~]+$/;

/** SMTP (RFC 5321) over pooled connections, one pool for each connection of a tenant. */
export function createSmtpTransport({ guard }: TransportTools): SmtpTransport {
  const pools = new Pools<SmtpPool>(IDLE_POOL_MS);
  const deadlines = new Deadlines();
  return {
    async send(asked, options) {
      if (pools.isClosed) return judgeFault(closedError(), 'nothing-written');
      const request = checkMail(asked);
      if (typeof request === 'string') return { kind: 'reply', reply: refuseToSend('EENVELOPE', request) };
      const target = targetOf(request, options);
      const verdict = options.redirect ? { ok: true as const } : guard.checkTarget(target);
      if (!verdict.ok) return judgeFault(new EgressRefusedError(verdict.why), 'nothing-written');
      const pool = poolFor({ pools, guard, deadlines }, target, request, options);
      if ('kind' in pool) return { kind: 'reply', reply: pool };
      const result = await pool.send(request, options);
      return 'code' in result && result.code === 'EGRESS_REFUSED'
        ? judgeFault(new EgressRefusedError(result.reply ?? ''), 'nothing-written')
        : { kind: 'reply', reply: result };
    },
    close: () => pools.closeAll(),
  };
}

function poolFor(
  { pools, guard, deadlines }: { pools: Pools<SmtpPool>; guard: EgressGuard; deadlines: Deadlines },
  target: Target,
  request: MailRequest,
  options: SendOptions,
): SmtpPool | SmtpReply {
  const { redirect, connectionKey } = options;
  // A pool that goes to the simulator, without guard and credentials, is never used for anything else.
  const key = `${connectionKey} ${redirect ? `to ${redirect.origin}` : 'live'}`;
  const known = pools.find(key);
  if (known) return known;
  const lookup = redirect ? undefined : guard.lookupFor(target);
  try {
    return pools.add(key, new SmtpPool({ request, options, target, lookup, deadlines }));
  } catch (error) {
    // The only thing that is read here and can be unreadable is the DKIM key.
    return refuseToSend('ECONFIG', (error as Error).message);
  }
}

function targetOf({ server }: MailRequest, { redirect }: SendOptions): Target {
  if (!redirect) return { protocol: 'smtp:', host: server.host, port: server.port };
  const { hostname, port } = new URL(redirect.origin);
  return { protocol: 'smtp:', host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function refuseToSend(code: string, why: string): SmtpReply {
  return { kind: 'fault', code, dataSent: false, reply: why };
}

/** The request with the addresses of its envelope as commands need them, all ASCII, or why it is not sent at all. */
function checkMail(request: MailRequest): MailRequest | string {
  const from = parseEmailAddress(request.envelope.from);
  if ('problem' in from) return `the envelope's from ${from.problem}`;
  const to = parseEmailAddress(request.envelope.to);
  if ('problem' in to) return `the envelope's to ${to.problem}`;
  const injection = findInjection(request);
  return injection ?? { ...request, envelope: { ...request.envelope, from: from.address, to: to.address } };
}

/** CR, LF or NUL could begin a new header or command (CWE-93). */
function findInjection({ mail, server }: MailRequest): string | null {
  const { messageId, from, to, replyTo = '', subject, headers } = mail;
  const { clientName = '', username = '' } = server;
  for (const [name, text] of Object.entries({
    messageId,
    from,
    to,
    replyTo,
    subject,
    clientName,
    username,
  })) {
    if (LINE_BREAK.test(text)) return `${name} has a line break`;
  }
  for (const [name, text] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) return 'a header has a name that is not allowed';
    if (LINE_BREAK.test(text)) return `${name} has a line break`;
  }
  return null;
}
