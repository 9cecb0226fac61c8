import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;

/** https://learn.microsoft.com/azure/logic-apps/logic-apps-workflow-actions-triggers, as workflows answer. */
const BY_CODE = tableOf([
  ['TriggerInputSchemaMismatch InvalidRequestContent', rejected('content_invalid')],
  ['DirectApiAuthorizationRequired AuthorizationFailed', unavailable('credentials_invalid')],
  // Deleted, switched off, or of a person who left.
  [
    'WorkflowNotFound WorkflowTriggerNotFound WorkflowTriggerIsNotEnabled',
    unavailable('account_misconfigured'),
  ],
]);

const BY_STATUS: Record<number, Outcome> = {
  400: rejected('content_invalid'),
  403: unavailable('credentials_invalid'),
  410: unavailable('account_misconfigured'),
};

const CONNECTORS_THROTTLING = 'Microsoft Teams endpoint returned HTTP error 429';

/** What an answer that is no success means, and the code that stands for it. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const error = parseObject(body)?.error as { code?: unknown } | null | undefined;
  const code = parseCode(error?.code);
  const outcome = BY_CODE.get(code ?? '') ?? BY_STATUS[status] ?? outcomeOfStatus(status, code !== undefined);
  return { outcome, code: code ?? `${status}` };
}

/** What the connectors of old said in a success, should a workflow ever hand it on. */
export function throttlingIn(body: string): Outcome | undefined {
  return body.includes(CONNECTORS_THROTTLING)
    ? retry('rate_limited', { code: '429', afterMs: SECOND_MS, scope: 'connection' })
    : undefined;
}
