import {
  type Outcome,
  type Reason,
  rejected,
  retry,
  type SmtpReply,
  unavailable,
  unknown,
} from '../../contract.ts';
import { classifyRefusal, enhancedCode } from './refusal.ts';

type Fault = Extract<SmtpReply, { kind: 'fault' }>;

const SETUP_FAULTS = new Map<string, Reason>([
  ['EAUTH', 'credentials_invalid'],
  ['ENOAUTH', 'credentials_invalid'],
  ['EOAUTH2', 'credentials_invalid'],
  ['ETLS', 'account_misconfigured'],
  ['EREQUIRETLS', 'account_misconfigured'],
  ['ECONFIG', 'account_misconfigured'],
]);
const MESSAGE_FAULTS = new Set(['EENVELOPE', 'EMESSAGE', 'EFILEACCESS', 'EURLACCESS']);

/** https://nodemailer.com/errors: every other code is the network's. */
export function classifyFault({ code, dataSent, replyCode = 0, reply = '' }: Fault): Outcome {
  const setup = SETUP_FAULTS.get(code);
  // Once the message was read by the server, broken TLS proves nothing about it: another connection might send it twice.
  if (setup && !dataSent) {
    if (replyCode >= 400 && replyCode < 500) return classifyRefusal({ replyCode, reply, command: 'AUTH' });
    return unavailable(setup, { code: enhancedCode(replyCode, reply) ?? code });
  }
  const isAboutMessage = MESSAGE_FAULTS.has(code);
  if (replyCode >= 400) {
    return classifyRefusal({ replyCode, reply, command: isAboutMessage || dataSent ? 'DATA' : 'CONN' });
  }
  if (isAboutMessage) return rejected('request_invalid', { code });
  // EABORT: the deadline of the attempt.
  const reason =
    code === 'ETIMEDOUT' || code === 'EABORT' ? 'timeout' : dataSent ? 'connection_lost' : 'network_error';
  return dataSent && code !== 'EMAXLIMIT' ? unknown(reason, { code }) : retry(reason, { code });
}
