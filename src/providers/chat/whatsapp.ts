import { randomBytes } from 'node:crypto';
import { Secret, secret } from '../../lib/secret.ts';
import { accepted, defineHttpProvider, type HttpResponse, parseObject } from '../contract.ts';
import { toDigits } from '../sms/number/number.ts';
import { json } from '../wire/json.ts';
import { mergePassthrough } from '../wire/merge-passthrough.ts';
import { withDetails } from '../wire/with-details.ts';
import { cardOf } from './card/card.ts';
import { judge } from './whatsapp/errors.ts';
import { buildTemplate } from './whatsapp/template.ts';
import { buildFreeForm } from './whatsapp/text.ts';
import {
  answerChallenge,
  isSigned,
  parseInbound,
  parseStatuses,
  parseTemplateNews,
} from './whatsapp/webhook.ts';

const REFERENCE = 'https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages';
const ERRORS = 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes';

/** WhatsApp's Cloud API. Words of one's own reach people for 24 hours after they wrote; at all other times a template does. */
export default defineHttpProvider({
  id: 'whatsapp',
  channel: 'chat',
  name: 'WhatsApp',
  docs: REFERENCE,
  transport: 'http',
  baseUrl: 'https://graph.facebook.com',
  reaches: 'contact',
  contactKind: 'whatsapp',
  fields: {
    phoneNumberId: {
      label: 'Phone number ID',
      type: 'text',
      required: true,
      pattern: { regex: '\\d{1,32}', hint: 'digits: the id of the number, not the number itself' },
    },
    accessToken: {
      label: 'Access token',
      type: 'secret',
      required: true,
      help: 'Of a system user, with the permission whatsapp_business_messaging.',
    },
    apiVersion: {
      label: 'Version of the Graph API',
      type: 'text',
      default: 'v26.0',
      pattern: { regex: 'v\\d{1,3}\\.\\d', hint: 'v and a number, such as v26.0' },
      help: 'Meta ends each version about two years after it came.',
    },
    language: {
      label: 'Language of templates',
      type: 'text',
      default: 'en_US',
      pattern: {
        regex: '[a-z]{2,3}(_[A-Za-z]{2,4})?',
        hint: 'a language as WhatsApp writes it, such as en_US',
      },
      help: 'For templates that name none.',
    },
    appSecret: {
      label: 'App secret',
      type: 'secret',
      help: 'Verifies receipts, which are refused without it.',
    },
    verifyToken: {
      label: 'Verify token of the webhook',
      type: 'secret',
      help: 'Any text; the same that is entered where the app subscribes to webhooks.',
    },
  },
  // Of a number that was not raised: https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput
  limits: { ratePerSecond: 80, connectTimeoutMs: 5_000, deadlineMs: 30_000, maxInFlight: 50 },
  supports: { dedupeKey: false, replaces: false, receipts: true },

  testConfig: () => ({
    phoneNumberId: '106540352242922',
    accessToken: new Secret(`EAA${randomBytes(40).toString('hex')}`),
    apiVersion: 'v26.0',
    language: 'en_US',
    appSecret: new Secret(randomBytes(16).toString('hex')),
    verifyToken: new Secret(randomBytes(16).toString('hex')),
  }),

  request(
    { recipient, content },
    { phoneNumberId, accessToken, apiVersion, language },
    { baseUrl, deliveryId },
  ) {
    const template = content.vendorTemplates?.whatsapp;
    const body = {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      ...addressTo(recipient.address),
      ...(template
        ? { type: 'template', template: buildTemplate(template, language) }
        : buildFreeForm(cardOf(content))),
      biz_opaque_callback_data: deliveryId,
    };
    return {
      method: 'POST',
      url: `${baseUrl}/${apiVersion}/${phoneNumberId}/messages`,
      headers: { authorization: secret`Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(mergePassthrough(body, content.passthrough?.whatsapp)),
    };
  },

  classify(response, { now }) {
    const { status, headers } = response;
    const body = status >= 200 && status < 300 ? parseObject(response.body) : null;
    const id = (body?.messages as [{ id?: unknown } | null] | null | undefined)?.[0]?.id;
    if (typeof id === 'string' && id !== '') return accepted(id);
    const { outcome, code } = judge(response);
    return withDetails(outcome, { code, headers, now });
  },

  receipts: {
    verify: (request, { appSecret }) => appSecret !== undefined && isSigned(request, appSecret),
    handshake: (request, { verifyToken }) => answerChallenge(request, verifyToken),
    parse: (request, { phoneNumberId }) => parseStatuses(request, phoneNumberId),
    vendorTemplates: parseTemplateNews,
    inbound: {
      parse: (request, { phoneNumberId }) => parseInbound(request, phoneNumberId),
      reply: { contentType: 'text/plain', body: '' },
    },
  },

  examples: {
    accepted: {
      reply: json(200, {
        messaging_product: 'whatsapp',
        contacts: [{ input: '15551234567', wa_id: '15551234567' }],
        messages: [
          { id: 'wamid.HBgLMTU1NTEyMzQ1NjcVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA', message_status: 'accepted' },
        ],
      }),
      outcome: {
        kind: 'accepted',
        providerMessageId: 'wamid.HBgLMTU1NTEyMzQ1NjcVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA',
      },
      source: REFERENCE,
    },
    rejected: {
      reply: refusal(400, 131026, 'Message undeliverable'),
      outcome: { kind: 'rejected', reason: 'recipient_unreachable', code: '131026', effect: undefined },
      source: ERRORS,
    },
    windowClosed: {
      reply: refusal(400, 131047, 'Re-engagement message'),
      outcome: { kind: 'rejected', reason: 'content_refused', code: '131047' },
      source: ERRORS,
    },
    noTemplate: {
      reply: refusal(404, 132001, 'Template name does not exist in the translation'),
      outcome: { kind: 'rejected', reason: 'content_invalid', code: '132001' },
      source: ERRORS,
    },
    retry: {
      reply: {
        ...refusal(429, 130429, 'Rate limit hit'),
        headers: {
          'x-business-use-case-usage':
            '{"102290129340398":[{"type":"whatsapp","call_count":100,"estimated_time_to_regain_access":2}]}',
        },
      },
      outcome: {
        kind: 'retry',
        reason: 'rate_limited',
        code: '130429',
        afterMs: 120_000,
        scope: 'connection',
      },
      source: ERRORS,
    },
    pair: {
      reply: refusal(400, 131056, '(Business Account, Consumer Account) pair rate limit hit'),
      outcome: { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 6_000, scope: 'message' },
      source: ERRORS,
    },
    serviceDown: {
      reply: refusal(503, 2, 'API Service'),
      outcome: { kind: 'retry', reason: 'provider_unavailable', code: '2' },
      source: ERRORS,
    },
    unavailable: {
      reply: refusal(401, 190, 'Error validating access token: Session has expired'),
      outcome: { kind: 'unavailable', reason: 'credentials_invalid', code: '190' },
      source: ERRORS,
    },
    locked: {
      reply: refusal(403, 131031, 'Account has been locked'),
      outcome: { kind: 'unavailable', reason: 'account_suspended', code: '131031' },
      source: ERRORS,
    },
    unknown: {
      reply: { status: 502, headers: {}, body: '<html>Bad Gateway</html>' },
      outcome: { kind: 'unknown', reason: 'provider_error' },
    },
  },
});

/** A number in E.164, or the id by which a business knows a person who hides the number (`US.13491208655302741918`). */
function addressTo(address: string): { to: string } | { recipient: string } {
  return /^[A-Z]{2}\./.test(address) ? { recipient: address } : { to: toDigits(address) };
}

function refusal(status: number, code: number, message: string): HttpResponse {
  const error = {
    message: `(#${code}) ${message}`,
    type: 'OAuthException',
    code,
    fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
  };
  return json(status, {
    error: { ...error, error_data: { messaging_product: 'whatsapp', details: message } },
  });
}
