import { Type } from 'typebox';
import { Problem, responses, type Server } from '../http/index.ts';
import { confirmNotification, lockLadders, lockNotification, stopLadders } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';

export interface ConfirmOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  wake: Wake;
}

const Confirmed = Type.Object({
  id: Type.String({ format: 'uuid' }),
  confirmedAt: Type.String({ format: 'date-time', description: 'The first time counts' }),
  stopped: Type.Integer({ description: 'What of its ladder gets no turn, or was queued and is not sent' }),
  beingSent: Type.Integer({ description: 'Being sent right now: not sent again if this try fails' }),
});

/** The caller's application says that the user did it: entered the code, acknowledged the alert. */
export function registerConfirmRoute(app: Server, { store, clock, wake }: ConfirmOptions): void {
  app.post(
    '/v1/notifications/:id/confirm',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Notifications'],
        summary: 'Say that the user did what the notification is about',
        description:
          'Stops its ladder, whatever it goes on until: no attempt of it begins after the answer. Without a ladder the ' +
          'time is kept and nothing else changes.',
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        response: responses({ 200: Confirmed }),
      },
    },
    async ({ credential: { tenantId, live }, params: { id } }) => {
      const now = new Date(clock.now());
      const { confirmedAt, stopped } = await store.scoped(tenantId, async (db) => {
        if (!(await lockNotification(db, tenantId, live, id))) throw new Problem('notification.not_found');
        await lockLadders(db, [id]);
        const confirmedAt = await confirmNotification(db, { tenantId, live, id, now });
        return { confirmedAt, stopped: await stopLadders(db, { tenantId, ids: [id], now }) };
      });
      for (const priority of stopped.priorities) wake.signal(routeTopic(priority));
      const { cancelled, beingSent } = stopped;
      return { id, confirmedAt: confirmedAt.toISOString(), stopped: cancelled, beingSent };
    },
  );
}
