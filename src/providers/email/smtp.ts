import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineSmtpProvider, type MailRequest, type SmtpReply } from '../contract.ts';
import { composeMail, oneLine } from './mail/compose.ts';
import { MAILBOX_PATTERN, parseMailbox } from './mail/mailbox.ts';
import { isFromOurServer, parseBounce } from './smtp/bounce.ts';
import { BOUNCE_PATTERN, bounceAddressOf } from './smtp/bounce-address.ts';
import { classifyFault } from './smtp/fault.ts';
import { classifyRefusal } from './smtp/refusal.ts';

/** Any SMTP server (RFC 5321), with enhanced status codes (RFC 3463) where it sends them. */
export default defineSmtpProvider({
  id: 'smtp',
  channel: 'email',
  name: 'SMTP',
  docs: 'https://www.rfc-editor.org/rfc/rfc5321',
  transport: 'smtp',
  reaches: 'contact',
  testDefault: true,
  fields: {
    host: { label: 'Host', type: 'text', required: true },
    port: { label: 'Port', type: 'number', default: 587 },
    security: {
      label: 'Security',
      type: 'text',
      default: 'starttls',
      pattern: {
        regex: 'tls|starttls|opportunistic|none',
        hint: 'tls, starttls, opportunistic or none',
      },
      help: 'tls: TLS from the first byte (port 465). starttls: the upgrade is required. opportunistic: if offered.',
    },
    username: { label: 'User name', type: 'text' },
    password: { label: 'Password', type: 'secret' },
    from: { label: 'From', type: 'text', required: true, pattern: MAILBOX_PATTERN },
    replyTo: { label: 'Reply-To', type: 'text', pattern: MAILBOX_PATTERN },
    clientName: {
      label: 'Client name',
      type: 'text',
      help: 'The name given in EHLO; default: the host name.',
    },
    bounceAddress: {
      label: 'Bounce address',
      type: 'text',
      pattern: BOUNCE_PATTERN,
      help: 'The envelope sender: each mail gets an address of its own by a plus sign. With the bounce secret only.',
    },
    bounceSecret: {
      label: 'Bounce secret',
      type: 'secret',
      pattern: { regex: String.raw`\S{32,128}`, hint: '32 to 128 characters without spaces' },
      help: 'Signs bounce addresses, and is what your mail server shows when it hands a bounce on.',
    },
    dkimDomain: {
      label: 'DKIM domain',
      type: 'text',
      help: 'Signs when domain, selector and key are all set.',
    },
    dkimSelector: { label: 'DKIM selector', type: 'text' },
    dkimPrivateKey: { label: 'DKIM private key', type: 'pem', help: 'RSA, 2048 bit recommended.' },
  },
  limits: { connectTimeoutMs: 5_000, deadlineMs: 60_000, maxInFlight: 5 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    host: 'smtp.example.com',
    port: 587,
    security: 'starttls',
    username: 'bellhop',
    password: new Secret(randomBytes(18).toString('base64url')),
    from: 'Bellhop <bellhop@example.com>',
  }),

  request(message, config, { deliveryId }) {
    const from = oneLine(config.from);
    const { email: sender } = parseMailbox(from);
    const mail = composeMail(message, config);
    const { dkimDomain, dkimSelector, dkimPrivateKey, bounceAddress, bounceSecret } = config;
    const takesBounces = bounceAddress !== undefined && bounceSecret !== undefined;
    return {
      server: {
        host: config.host,
        port: config.port,
        security: config.security as MailRequest['server']['security'],
        username: config.username,
        password: config.password,
        clientName: config.clientName,
      },
      dkim:
        dkimDomain && dkimSelector && dkimPrivateKey
          ? { domainName: dkimDomain, keySelector: dkimSelector, privateKey: dkimPrivateKey }
          : undefined,
      envelope: {
        from: takesBounces ? bounceAddressOf(deliveryId, bounceAddress, bounceSecret) : sender,
        to: mail.to,
        ...(takesBounces && { dsn: { id: deliveryId } }),
      },
      mail: {
        messageId: `<${deliveryId}@${sender.slice(sender.lastIndexOf('@') + 1)}>`,
        from,
        ...mail,
      },
    };
  },

  classify(reply) {
    if (reply.kind === 'delivered') return accepted(reply.messageId);
    return reply.kind === 'refused' ? classifyRefusal(reply) : classifyFault(reply);
  },

  receipts: { verify: isFromOurServer, parse: parseBounce },

  examples: {
    accepted: {
      reply: { kind: 'delivered', messageId: '<d1@example.com>', reply: '250 2.0.0 Ok: queued as 4Xw1' },
      outcome: { kind: 'accepted', providerMessageId: '<d1@example.com>' },
    },
    rejected: {
      reply: refusal(
        '550-5.1.1 The email account that you tried to reach does not exist. Please try\n' +
          "550 5.1.1 double-checking the recipient's email address for typos",
      ),
      outcome: { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } },
      source: 'https://support.google.com/a/answer/3726730',
    },
    retry: {
      reply: refusal('451 4.7.1 Greylisting in action, please come back later'),
      outcome: { kind: 'retry', reason: 'provider_unavailable' },
    },
    unavailable: {
      reply: { kind: 'fault', code: 'EAUTH', dataSent: false, replyCode: 535, reply: '535 5.7.8 Error' },
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '5.7.8' },
    },
    unknown: {
      reply: { kind: 'fault', code: 'ECONNECTION', dataSent: true },
      outcome: { kind: 'unknown', reason: 'connection_lost' },
    },
    networkDown: {
      reply: { kind: 'fault', code: 'ECONNECTION', dataSent: false },
      outcome: { kind: 'retry', reason: 'network_error' },
    },
    rateLimited: {
      reply: refusal(
        '450-4.2.1 The user you are trying to contact is receiving mail at a rate that\n' +
          '450 4.2.1 prevents additional messages from being delivered.',
      ),
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'message' },
      source: 'https://support.google.com/a/answer/3726730',
    },
    closing: {
      reply: refusal('421 4.3.2 Service shutting down', 'CONN'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', scope: 'connection' },
    },
    mailboxFull: {
      reply: refusal('552 5.2.2 Mailbox full'),
      outcome: { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined },
    },
    tooLarge: {
      reply: refusal('552 5.3.4 Message size exceeds fixed limit', 'MAIL FROM'),
      outcome: { kind: 'rejected', reason: 'content_too_large' },
    },
    blocked: {
      reply: refusal(
        '550 5.7.1 Our system has detected that this message is likely unsolicited mail.',
        'DATA',
      ),
      outcome: { kind: 'rejected', reason: 'content_refused' },
      source: 'https://support.google.com/a/answer/3726730',
    },
    unauthenticated: {
      reply: refusal(
        '550 5.7.515 Access denied, sending domain does not meet the required authentication level.',
      ),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured' },
    },
    senderNotAllowed: {
      reply: refusal('553 5.7.60 Client does not have permissions to send as this sender'),
      outcome: { kind: 'unavailable', reason: 'sender_not_allowed' },
    },
  },
});

/** Literal reply → `SmtpReply`, for the examples. */
function refusal(reply: string, command = 'RCPT TO'): SmtpReply {
  return { kind: 'refused', replyCode: Number(reply.slice(0, 3)), reply, command };
}
