import { randomBytes } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse } from '../contract.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { ownUrl } from './own-url/own-url.ts';
import { buildMessage } from './teams/card.ts';
import { judge, throttlingIn } from './teams/errors.ts';

const REFERENCE =
  'https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498';
/** Every workflow has a host of its own. */
const BASE_URL = 'https://default.environment.api.powerplatform.com';

/** A workflow (Power Automate) that posts to Microsoft Teams. That it took a message is all that can be known. */
export default defineHttpProvider({
  id: 'teams',
  channel: 'chat',
  name: 'Microsoft Teams',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: BASE_URL,
  reaches: 'connection',
  fields: {
    url: {
      label: 'Workflow URL',
      type: 'secret',
      required: true,
      pattern: {
        regex:
          'https://(?![^/]*\\.webhook\\.office\\.com(:\\d+)?/)(?!outlook\\.office(365)?\\.com/)[^\\s/]+/\\S+',
        hint: 'the address of a workflow (connectors, at webhook.office.com, were retired by Microsoft)',
      },
      help: 'Of the trigger “When a Teams webhook request is received”. Whoever knows it can post.',
    },
  },
  limits: { payloadBytes: 28_000, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 4 },
  supports: { dedupeKey: false, replaces: false, receipts: false },

  testConfig: () => ({
    url: new Secret(
      `${BASE_URL}/powerautomate/automations/direct/workflows/${randomBytes(16).toString('hex')}/triggers/manual/paths/` +
        `invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${randomBytes(32).toString('base64url')}`,
    ),
  }),

  request({ content }, { url }, { baseUrl }) {
    return {
      method: 'POST',
      url: ownUrl(url, { baseUrl, vendorUrl: BASE_URL }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(mergePassthrough(buildMessage(cardOf(content)), content.passthrough?.teams)),
    };
  },

  classify(response, { now }) {
    const { status, headers, body } = response;
    if (status === 200 || status === 202) return throttlingIn(body) ?? accepted(null);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  examples: {
    accepted: {
      reply: { status: 202, headers: { 'x-ms-workflow-run-id': '08584' }, body: '' },
      outcome: { kind: 'accepted', providerMessageId: null },
      source: REFERENCE,
    },
    rejected: {
      reply: refusal(400, 'TriggerInputSchemaMismatch'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: 'TriggerInputSchemaMismatch' },
    },
    tooLarge: {
      reply: { status: 413, headers: {}, body: '' },
      outcome: { kind: 'rejected', reason: 'content_too_large', code: '413' },
    },
    retry: {
      reply: { ...refusal(429, 'WorkflowRunsThrottled'), headers: { 'retry-after': '60' } },
      outcome: { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' },
    },
    throttledInSuccess: {
      reply: {
        status: 200,
        headers: {},
        body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x',
      },
      outcome: { kind: 'retry', reason: 'rate_limited', scope: 'connection' },
      source:
        'https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using',
    },
    unavailable: {
      reply: refusal(404, 'WorkflowNotFound'),
      outcome: { kind: 'unavailable', reason: 'account_misconfigured', code: 'WorkflowNotFound' },
    },
    notSigned: {
      reply: refusal(401, 'DirectApiAuthorizationRequired'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: 'DirectApiAuthorizationRequired' },
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

function refusal(status: number, code: string): HttpResponse {
  const body = JSON.stringify({ error: { code, message: 'The request was refused.' } });
  return { status, headers: { 'content-type': 'application/json' }, body };
}
