import { Type } from 'typebox';
import { invalidField, Problem, responses, type Server } from '../http/index.ts';
import { lockNotification, type NotificationRow, PRIORITY_CODES, takeTurn } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { checkInline, type Templates } from '../templates/index.ts';
import { channelsAsked } from './ladder.ts';
import { checkTemplate, checkTimes, NotificationChange } from './request.ts';
import { updateAccepted } from './store.ts';
import { withdraw } from './withdraw.ts';

export interface ChangeOptions {
  store: Store;
  templates: Pick<Templates, 'refusal'>;
  clock: Clock;
  wake: Wake;
}

const IdPath = Type.Object({ id: Type.String({ format: 'uuid' }) });

/** Second thoughts: change a notification until routing claims it, cancel what has not been sent. */
export function registerChangeRoutes(app: Server, options: ChangeOptions): void {
  registerChange(app, options);
  registerCancel(app, options);
}

function registerChange(app: Server, { store, templates, clock, wake }: ChangeOptions): void {
  app.patch(
    '/v1/notifications/:id',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Notifications'],
        summary: 'Change a notification that is not routed yet',
        params: IdPath,
        body: NotificationChange,
        response: responses({ 200: Type.Object({ id: Type.String(), status: Type.Literal('accepted') }) }),
      },
    },
    async ({ credential: { tenantId, live }, params, body }) => {
      const now = clock.now();
      checkChange(body, now);
      await checkTemplate(templates, tenantId, body);
      const priority = await store.scoped(tenantId, async (db) => {
        const found = await lockNotification(db, tenantId, live, params.id);
        if (!found) throw new Problem('notification.not_found');
        if (found.state !== 'accepted')
          throw new Problem('notification.not_changeable', `It is ${found.state} already`);
        checkTogether(body, found, now);
        // Routing may have taken it since it was read.
        if (!(await takeTurn(db, tenantId, found.id)))
          throw new Problem('notification.not_changeable', 'It is routed already');
        const { template = found.request.template, message = found.request.message } = body;
        const request = {
          ...found.request,
          ...(body.template ? { template } : body.message ? { message } : {}),
        };
        if (body.template) delete request.message;
        if (body.message) delete request.template;
        const priority = body.priority ? PRIORITY_CODES[body.priority] : found.priority;
        await updateAccepted(db, {
          id: found.id,
          tenantId,
          request: JSON.stringify(request),
          priority,
          sendAt: body.sendAt ? new Date(body.sendAt) : found.send_at,
          expiresAt: body.expiresAt ? new Date(body.expiresAt) : found.expires_at,
          now: new Date(now),
        });
        return priority;
      });
      wake.signal(routeTopic(priority));
      return { id: params.id, status: 'accepted' as const };
    },
  );
}

function checkChange(body: NotificationChange, now: number): void {
  if (body.message && body.template) throw invalidField('/message', 'and /template must not both be given');
  checkTimes(body, now);
}

/** What changes must go with what stays. */
function checkTogether(body: NotificationChange, found: NotificationRow, now: number): void {
  const complaint = body.message && checkInline(body.message, channelsAsked(found.request));
  if (complaint) throw invalidField('/message', complaint);
  if (body.sendAt === undefined && body.expiresAt === undefined) return;
  checkTimes(
    {
      sendAt: body.sendAt ?? found.send_at?.toISOString(),
      expiresAt: body.expiresAt ?? found.expires_at?.toISOString(),
    },
    now,
  );
}

function registerCancel(app: Server, { store, clock, wake }: ChangeOptions): void {
  app.post(
    '/v1/notifications/:id/cancel',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Notifications'],
        summary: 'Cancel what has not been sent',
        description:
          'Queued deliveries end as cancelled; one that is being sent right now is not sent again if this try fails.',
        params: IdPath,
        response: responses({ 200: Type.Object({ cancelled: Type.Integer(), beingSent: Type.Integer() }) }),
      },
    },
    async ({ credential: { tenantId, live }, params }) =>
      store.scoped(tenantId, async (db) => {
        const found = await lockNotification(db, tenantId, live, params.id);
        if (!found) throw new Problem('notification.not_found');
        const now = new Date(clock.now());
        const { cancelled, beingSent, hasTurns } = await withdraw(db, found, { tenantId, now });
        if (cancelled + beingSent === 0)
          throw new Problem('notification.not_changeable', 'Nothing of it is waiting any more');
        if (hasTurns) wake.signal(routeTopic(found.priority));
        return { cancelled, beingSent };
      }),
  );
}
