import { type Static, Type } from 'typebox';
import { OneOf, Problem, responses, type Server, Slug } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Connections } from '../tenants/index.ts';
import type { HealthView } from './health.ts';
import type { HealthBoard } from './health-board.ts';

export interface HealthRouteOptions {
  clock: Clock;
  connections: Pick<Connections, 'get'>;
  health: HealthBoard;
}

const HealthAnswer = Type.Object({
  connection: Type.String(),
  breaker: OneOf(['closed', 'open', 'recovering'], { description: 'open: nothing but a probe is sent' }),
  since: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'When the breaker last changed; missing when it never did',
    }),
  ),
  openUntil: Type.Optional(Type.String({ format: 'date-time', description: 'When the next probe may go' })),
  share: Type.Number({ description: 'Of its usual traffic, how much it gets now: 0 to 1' }),
  score: Type.Number({
    description: '0 to 1: calls without trouble, and messages that receipts called delivered',
  }),
  calls: Type.Number({ description: 'Lately; halves every minute' }),
  troubles: Type.Number({ description: 'Calls of these that met a fault of the network or the vendor' }),
  delivered: Type.Number({ description: 'By receipts, lately; halves every hour' }),
  undelivered: Type.Number(),
  latencyP95Ms: Type.Optional(Type.Number({ description: 'An estimate: 95 % of the answers came sooner' })),
});

/** `GET /v1/connections/{id}/health`: how a connection is doing, and what its breaker lets through. */
export function registerHealthRoutes(app: Server, { clock, connections, health }: HealthRouteOptions): void {
  const schema = {
    tags: ['Connections'],
    summary: 'How a connection is doing',
    description: 'What all processes together know, a few seconds old at most.',
    params: Type.Object({ id: Slug('Your id of the connection') }),
    response: responses({ 200: HealthAnswer }),
  };
  app.get(
    '/v1/connections/:id/health',
    { config: { scope: 'connections:read' }, schema },
    async ({ credential: { tenantId }, params }) => {
      const connection = await connections.get(tenantId, params.id);
      if (!connection) throw new Problem('connection.not_found');
      return show(params.id, health.of(connection).view(clock.now()));
    },
  );
}

function show(connection: string, view: HealthView): Static<typeof HealthAnswer> {
  const { tally } = view;
  return {
    connection,
    breaker: view.phase,
    ...(view.since > 0 && { since: new Date(view.since).toISOString() }),
    ...(view.phase === 'open' && { openUntil: new Date(view.openUntil).toISOString() }),
    share: view.share,
    score: rounded(view.score),
    calls: rounded(tally.calls),
    troubles: rounded(tally.troubles),
    delivered: rounded(tally.delivered),
    undelivered: rounded(tally.undelivered),
    ...(tally.latencyP95Ms !== null && { latencyP95Ms: Math.round(tally.latencyP95Ms) }),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
