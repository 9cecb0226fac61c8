import { Type } from 'typebox';
import { OneOf, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { storedRequest } from '../queue/index.ts';
import { explainNotification, type FactSources } from '../routing/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import type { Templates } from '../templates/index.ts';
import { buildRow, checkRules, checkTemplate, NotificationBody } from './request.ts';

export interface ExplainOptions extends FactSources {
  store: Pick<Store, 'engine'>;
  clock: Clock;
  templates: Pick<Templates, 'refusal' | 'compiled'>;
  categories: Pick<Categories, 'forTenant' | 'forTenants'>;
}

const OptionalText = Type.Optional(Type.String());
const Explanation = Type.Object({
  user: Type.Union([
    Type.Object({
      locale: Type.Union([Type.String(), Type.Null()]),
      timezone: Type.Union([Type.String(), Type.Null()]),
    }),
    Type.Null(),
  ]),
  category: Type.Object({ id: Type.String(), kind: Type.String(), quietHours: Type.String() }),
  template: Type.Union([Type.Object({ version: Type.Integer() }), Type.Null()]),
  expiresAt: Type.String({ format: 'date-time' }),
  digest: Type.Union([Type.Object({ key: Type.String(), closesAt: Type.String() }), Type.Null()], {
    description:
      'It waits until then, or until a digest that is open already ends; the plans are those of a single event',
  }),
  plans: Type.Array(
    Type.Object({
      channel: Type.String(),
      verdict: OneOf(['deliver', 'skip', 'postpone']),
      step: Type.Optional(Type.Integer({ description: 'Of the ladder, from 0' })),
      at: Type.Optional(
        Type.String({ format: 'date-time', description: 'When the step comes, if nothing stops the ladder' }),
      ),
      reason: OptionalText,
      detail: OptionalText,
      until: Type.Optional(Type.String({ format: 'date-time' })),
      deviceId: OptionalText,
      platform: OptionalText,
      connection: OptionalText,
      provider: OptionalText,
      why: Type.String({ description: 'For people' }),
    }),
  ),
});

/** A dry run: what would become of a notification if it were routed now. Nothing is stored, reserved or sent. */
export function registerExplainRoutes(app: Server, options: ExplainOptions): void {
  const { store, clock, templates, categories } = options;
  app.post(
    '/v1/notifications/explain',
    {
      config: { scope: 'notifications:read' },
      schema: {
        tags: ['Notifications'],
        summary: 'Explain what would become of a notification',
        description:
          'Takes the body of a notification and says for each channel and device what routing would decide now, and why. ' +
          'Nothing is stored or sent.',
        body: NotificationBody,
        response: responses({ 200: Explanation }),
      },
    },
    async ({ credential: { tenantId, live }, body }) => {
      const now = clock.now();
      checkRules(body, now);
      await checkTemplate(templates, tenantId, body);
      const own = await categories.forTenant(store.engine, tenantId);
      const row = buildRow(body, undefined, { tenantId, live, now, idempotencyMs: 0, categories: own });
      const request = storedRequest(JSON.parse(row.request));
      return explainNotification(options, store.engine, {
        row: { ...row, request },
        now: Math.max(now, row.dueAt.getTime()),
      });
    },
  );
}
