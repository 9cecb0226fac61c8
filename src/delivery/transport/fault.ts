import { rejected, retry, unavailable, unknown } from '../../providers/index.ts';
import type { Fault } from './transport.ts';

/** What the peer can have seen of a request when it failed. */
export type Evidence = 'nothing-written' | 'maybe-written';

type CodedError = Error & { code?: string };

const TIMEOUT = /TIMEOUT|TIMEDOUT/;
/** The peer does not prove who it is, or speaks no TLS that we accept: nothing was sent, and waiting does not help. */
const TLS_REFUSED =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;
/** The request could not be written down as HTTP. */
const UNWRITABLE =
  /^(UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH)|ERR_INVALID_(URL|CHAR|ARG_|HTTP_TOKEN)|ERR_HTTP2_INVALID_(CONNECTION_HEADERS|HEADER_VALUE))/;
const DETAIL_CHARS = 300;

/**
 * What a failed exchange means. Nothing written proves that trying again is safe; once bytes may have been
 * written nobody can tell, whatever the error says.
 */
export function judgeFault(error: CodedError, evidence: Evidence): Fault {
  const code = error.code ?? error.name;
  const fault = (outcome: Fault['outcome']): Fault => ({
    kind: 'fault',
    outcome,
    detail: `${code}: ${error.message}`.slice(0, DETAIL_CHARS),
  });
  if (evidence === 'maybe-written') {
    return fault(unknown(TIMEOUT.test(code) ? 'timeout' : 'connection_lost', { code }));
  }
  if (code === 'EGRESS_REFUSED') return fault(unavailable('egress_refused', { code }));
  if (UNWRITABLE.test(code)) return fault(rejected('request_invalid', { code }));
  if (isTlsRefusal(code)) return fault(unavailable('account_misconfigured', { code }));
  return fault(retry(TIMEOUT.test(code) ? 'timeout' : 'network_error', { code }));
}

export function isTlsRefusal(code: string): boolean {
  return TLS_REFUSED.test(code) && !TIMEOUT.test(code);
}

/** An error of ours, with a code of the kind that Node's own have. */
export function codedError(code: string, message: string): CodedError {
  return Object.assign(new Error(message), { code });
}

export const deadlineError = () => codedError('ETIMEDOUT', 'no complete answer within the deadline');
export const abortError = () => codedError('ABORT_ERR', 'the attempt was given up');
export const closedError = () => codedError('ERR_TRANSPORT_CLOSED', 'this process is stopping');
