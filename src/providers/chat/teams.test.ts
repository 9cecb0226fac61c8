import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reveal, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import teams from './teams.ts';

const QUERY = 'api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abc_DEF-1';
const LOGIC = `https://prod-07.westeurope.logic.azure.com:443/workflows/1f2e/triggers/manual/paths/invoke?${QUERY}`;
const config = { url: new Secret(LOGIC) };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: teams.baseUrl,
};

function message(content: Content): Message {
  const recipient = { address: '' };
  return { channel: 'chat', recipient, content, priority: 'high', category: 'ops', userId: 'u1' };
}
const bodyOf = (content: Content) => String(teams.request(message(content), config, context).body);
const cardOf = (content: Content) => JSON.parse(bodyOf(content)).attachments[0].content;
const lines = (content: Content) =>
  cardOf(content).body.map(({ inlines }: { inlines: { text: string }[] }) =>
    inlines.map(({ text }) => text).join(''),
  );

conformance(teams, {
  golden: [
    {
      name: 'an adaptive card to the address of the workflow, its signature included',
      message: message({
        title: 'Down',
        body: 'db-1 is down\n\nSee https://a.org/s.\nNow',
        url: 'https://a.org/p',
        image: 'https://a.org/i.png',
        fields: [{ title: 'Host', value: 'db-1' }],
        actions: [
          { id: 'open', title: 'Open', url: 'https://a.org/o' },
          { id: 'later', title: 'Later' },
        ],
        passthrough: { teams: { summary: 'Down' } },
      }),
      config,
      expected: {
        method: 'POST',
        url: `https://prod-07.westeurope.logic.azure.com/workflows/1f2e/triggers/manual/paths/invoke?${QUERY}`,
        headers: { 'content-type': 'application/json' },
        body: {
          type: 'message',
          attachments: [
            {
              contentType: 'application/vnd.microsoft.card.adaptive',
              contentUrl: null,
              content: {
                $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
                type: 'AdaptiveCard',
                version: '1.4',
                body: [
                  {
                    type: 'RichTextBlock',
                    inlines: [
                      {
                        type: 'TextRun',
                        text: 'Down',
                        size: 'Large',
                        weight: 'Bolder',
                        selectAction: { type: 'Action.OpenUrl', url: 'https://a.org/p' },
                      },
                    ],
                  },
                  { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'db-1 is down' }] },
                  {
                    type: 'RichTextBlock',
                    inlines: [
                      { type: 'TextRun', text: 'See ' },
                      {
                        type: 'TextRun',
                        text: 'https://a.org/s',
                        selectAction: { type: 'Action.OpenUrl', url: 'https://a.org/s' },
                      },
                      { type: 'TextRun', text: '.' },
                    ],
                  },
                  { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'Now' }], spacing: 'None' },
                  {
                    type: 'ColumnSet',
                    columns: [
                      {
                        type: 'Column',
                        width: 1,
                        items: [
                          {
                            type: 'RichTextBlock',
                            inlines: [{ type: 'TextRun', text: 'Host', weight: 'Bolder' }],
                          },
                        ],
                      },
                      {
                        type: 'Column',
                        width: 2,
                        items: [{ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'db-1' }] }],
                      },
                    ],
                  },
                  { type: 'Image', url: 'https://a.org/i.png', altText: 'Down' },
                ],
                actions: [{ type: 'Action.OpenUrl', title: 'Open', url: 'https://a.org/o' }],
                msteams: { width: 'Full' },
              },
            },
          ],
          summary: 'Down',
        },
      },
    },
  ],
});

test('what users wrote makes no mention, no link and no markup: nothing of it is read as Markdown', () => {
  const odd = '<at>all</at> @all **b** [t](https://evil.org) - x <!channel>';
  const body = bodyOf({ title: odd, body: odd, fields: [{ title: odd, value: odd }] });
  assert.ok(!/"(TextBlock|FactSet)"/.test(body));
  assert.ok(!body.includes('"entities"'), 'a mention needs an entity');
  assert.deepEqual(lines({ title: odd, body: odd }), [odd, odd]);
});

test('a card of the greatest size fits into what Teams takes', () => {
  const fields = Array.from({ length: 30 }, () => ({ title: 'f'.repeat(100), value: 'v'.repeat(100) }));
  const long = { title: 't'.repeat(500), body: 'x'.repeat(20_000), fields };
  assert.ok(Buffer.byteLength(bodyOf(long)) < teams.limits.payloadBytes!);
  const many = { body: 'line of text\n'.repeat(1_000) };
  assert.ok(Buffer.byteLength(bodyOf(many)) < teams.limits.payloadBytes!);
  assert.deepEqual([lines(many).length, lines(many).at(-1)], [60, '…']);
});

test('only the host is printed, and a base URL of its own takes the place of the host alone', () => {
  const urlOf = (baseUrl: string) =>
    teams.request(message({ body: 'x' }), config, { ...context, baseUrl }).url;
  assert.equal(String(urlOf(teams.baseUrl)), 'https://prod-07.westeurope.logic.azure.com/***');
  assert.equal(
    reveal(urlOf('http://127.0.0.1:8080')),
    `http://127.0.0.1:8080/workflows/1f2e/triggers/manual/paths/invoke?${QUERY}`,
  );
});

test('the retired connectors are refused when the connection is made, both shapes of workflows are taken', () => {
  const isTaken = (url: string) => 'config' in parseConfig(teams, { url });
  assert.equal(isTaken(LOGIC), true);
  assert.equal(
    isTaken(
      `https://d1.0a.environment.api.powerplatform.com:443/powerautomate/automations/direct/cu/12/workflows/1f2e/triggers/manual/paths/invoke?${QUERY}`,
    ),
    true,
  );
  const connectors = [
    'https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4',
    'https://contoso.webhook.office.com:443/webhookb2/1@2/IncomingWebhook/3/4',
    'https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4',
    'https://outlook.office365.com/webhook/1@2/IncomingWebhook/3/4',
  ];
  for (const url of [...connectors, LOGIC.replace('https', 'http'), 'https://host'])
    assert.equal(isTaken(url), false, url);
});

const ANSWERS: [status: number, code: string, outcome: Partial<Outcome>][] = [
  [400, 'TriggerInputSchemaMismatch', { kind: 'rejected', reason: 'content_invalid' }],
  [400, 'InvalidRequestContent', { kind: 'rejected', reason: 'content_invalid' }],
  [400, 'WorkflowTriggerIsNotEnabled', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [400, '', { kind: 'rejected', reason: 'content_invalid', code: '400' }],
  [401, 'DirectApiAuthorizationRequired', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [403, '', { kind: 'unavailable', reason: 'credentials_invalid' }],
  [404, 'WorkflowNotFound', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [410, '', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [413, '', { kind: 'rejected', reason: 'content_too_large' }],
  [429, '', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
  [408, '', { kind: 'retry', reason: 'timeout' }],
  [500, 'InternalServerError', { kind: 'retry', reason: 'provider_error' }],
  [503, '', { kind: 'retry', reason: 'provider_unavailable' }],
  [504, '', { kind: 'unknown', reason: 'provider_error' }],
];

for (const [status, code, expected] of ANSWERS) {
  test(`${status} ${code}: ${expected.kind}`, () => {
    const body = code ? JSON.stringify({ error: { code, message: 'x' } }) : '';
    assertOutcome(teams.classify({ status, headers: {}, body }, context), {
      ...expected,
      code: code || `${status}`,
    });
  });
}
