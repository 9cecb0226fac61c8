import { Type } from 'typebox';
import { Exact, invalidField, OneOf, Problem, responses, type Server, type Static } from '../http/index.ts';
import { countRefused, sumUses } from './limit-store.ts';
import { DAY_MS, HOUR_MS, hourOf, type Pause } from './limits.ts';
import { endPause, listPauses } from './pause-store.ts';
import { checkSettings, SettingsBody, settingsFrom } from './settings.ts';
import { loadSettings, saveSettings } from './settings-store.ts';
import type { RoomTools } from './tools.ts';
import type { Whose } from './whose.ts';

const read = { scope: 'categories:read' } as const;
const write = { scope: 'categories:write' } as const;
const about = (summary: string, description?: string) => ({ tags: ['OTP'], summary, description });
const Count = Type.Object({ sent: Type.Integer(), approved: Type.Integer() });
const Moment = Type.String({ format: 'date-time' });
const UsageAnswer = Type.Object({
  since: Moment,
  sent: Type.Integer(),
  approved: Type.Integer(),
  spent: Type.Number({ description: 'In the unit of the prices' }),
  spendPerDay: Type.Union([Type.Number(), Type.Null()]),
  refused: Type.Record(Type.String(), Type.Integer()),
  countries: Type.Record(Type.String(), Count),
  paused: Type.Array(
    Type.Object({
      country: Type.Optional(Type.String()),
      prefix: Type.Optional(Type.String()),
      pausedAt: Moment,
      until: Moment,
      sent: Type.Integer(),
      approved: Type.Integer(),
    }),
  ),
});

/** The settings of a tenant, what was sent and refused, and the end of a pause. */
export function registerSettingsRoutes(app: Server, tools: RoomTools): void {
  addSettings(app, tools);
  addUsage(app, tools);
}

function addSettings(app: Server, { store, clock, templates, recent }: RoomTools): void {
  const url = '/v1/otp/settings';
  const answer = responses({ 200: SettingsBody });
  const look = { ...about('Settings of one-time passwords', 'All that is in force.'), response: answer };
  app.get(url, { config: read, schema: look }, ({ credential: { tenantId } }) =>
    store.scoped(tenantId, (db) => loadSettings(db, tenantId)),
  );
  const change = {
    ...about(
      'Set them',
      'What is left out is as built in; a second PUT replaces the first one whole. In force within a second.',
    ),
    body: SettingsBody,
    response: answer,
  };
  app.put(url, { config: write, schema: change }, async ({ credential: { tenantId }, body }) => {
    const [complaint] = checkSettings(body);
    if (complaint) throw invalidField(complaint.field, complaint.rule);
    const refused =
      body.template && (await templates.refusal(tenantId, { id: body.template, variables: null }));
    if (refused) throw invalidField('/template', refused.rule);
    const now = new Date(clock.now());
    await store.scoped(tenantId, (db) => saveSettings(db, { tenantId, settings: body, now }));
    recent.forget();
    return settingsFrom(body);
  });
}

function addUsage(app: Server, { store, clock, recent }: RoomTools): void {
  const look = {
    ...about(
      'What was sent, entered and refused',
      'In the last 24 clock hours, of live or of test keys like the one that asks.',
    ),
    response: responses({ 200: UsageAnswer }),
  };
  app.get('/v1/otp/usage', { config: read, schema: look }, async ({ credential: { tenantId, live } }) => {
    const now = clock.now();
    const whose: Whose = { tenantId, live };
    const refused = recent.take(whose);
    return store
      .scoped(tenantId, async (db) => {
        await countRefused(db, whose, refused, now);
        const { spendPerDay } = await loadSettings(db, tenantId);
        const pauses = await listPauses(db, whose, new Date(now));
        return renderUsage(await sumUses(db, whose, now), { pauses, spendPerDay, now });
      })
      .catch((error: unknown) => {
        recent.putBack(whose, refused);
        throw error;
      });
  });
  const resume = {
    ...about('End a pause', 'Codes go out again at once; from now on the rate is counted anew.'),
    body: Exact({
      scope: OneOf(['country', 'prefix']),
      key: Type.String({ minLength: 1, maxLength: 20, description: 'As it is shown: `NG`, `+23480312`' }),
    }),
    response: responses({ 204: Type.Null() }),
  };
  app.post('/v1/otp/resume', { config: write, schema: resume }, async ({ credential, body }, reply) => {
    const { tenantId, live } = credential;
    const now = new Date(clock.now());
    const ended = await store.scoped(tenantId, (db) => endPause(db, { tenantId, live }, { ...body, now }));
    if (!ended) throw new Problem('otp.not_paused');
    recent.forget();
    return reply.code(204).send(null);
  });
}

/** Sums as the API shows them. Pure. */
function renderUsage(
  sums: Awaited<ReturnType<typeof sumUses>>,
  { pauses, spendPerDay, now }: { pauses: Pause[]; spendPerDay: number | null; now: number },
): Static<typeof UsageAnswer> {
  const total = sums.find(({ scope }) => scope === 'tenant');
  const byKey = (scope: string) => sums.filter((sum) => sum.scope === scope);
  return {
    since: new Date(hourOf(now) - DAY_MS + HOUR_MS).toISOString(),
    sent: total?.sent ?? 0,
    approved: total?.approved ?? 0,
    spent: (total?.cost ?? 0) / 1_000_000,
    spendPerDay,
    refused: Object.fromEntries(byKey('refused').map(({ key, sent }) => [key, sent])),
    countries: Object.fromEntries(
      byKey('country').map(({ key, sent, approved }) => [key, { sent, approved }]),
    ),
    paused: pauses.map(({ scope, key, pausedAt, until, sent, approved }) => ({
      [scope]: key,
      pausedAt: new Date(pausedAt).toISOString(),
      until: new Date(until).toISOString(),
      sent,
      approved,
    })),
  };
}
