import { Type } from 'typebox';
import { Exact, invalidField, Problem, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { type TrackingSettings, UNTRACKED } from './settings.ts';
import { saveTrackingSettings, selectTrackingSettings } from './settings-store.ts';
import type { Tracker } from './tracker.ts';

export interface TrackingSettingsOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  tracker: Pick<Tracker, 'forget' | 'origin'>;
}

const flag = (description: string) => Type.Boolean({ description });
const fields = {
  enabled: flag('Whether categories that say nothing of tracking are tracked; default: no'),
  opens: flag('By an invisible picture in HTML mails; default: yes'),
  clicks: flag('By links in HTML mails that lead over Bellhop; default: yes'),
  textLinks: flag('Links in the text part of mails as well; default: no'),
  beacons: flag('Web push and inbox items carry what says shown, clicked and dismissed; default: yes'),
  overVendors: flag('Also over providers that can track by themselves: switch theirs off then; default: no'),
};
const Origin = Type.Union([
  Type.String({ maxLength: 255, description: 'https origin of yours that leads to Bellhop, without a path' }),
  Type.Null(),
]);
const Answer = Type.Object({ ...fields, origin: Origin });
const Body = Exact({
  enabled: Type.Optional(fields.enabled),
  opens: Type.Optional(fields.opens),
  clicks: Type.Optional(fields.clicks),
  textLinks: Type.Optional(fields.textLinks),
  beacons: Type.Optional(fields.beacons),
  overVendors: Type.Optional(fields.overVendors),
  origin: Type.Optional(Origin),
});

const url = '/v1/tracking-settings';
const about = (summary: string, description?: string) => ({ tags: ['Tracking'], summary, description });

/** What a tenant wants to know of visits to his messages. */
export function registerTrackingSettings(
  app: Server,
  { store, clock, tracker }: TrackingSettingsOptions,
): void {
  app.get(
    url,
    {
      config: { scope: 'categories:read' },
      schema: { ...about('What is tracked'), response: responses({ 200: Answer }) },
    },
    ({ credential: { tenantId } }) =>
      store.scoped(
        tenantId,
        async (db) => (await selectTrackingSettings(db, [tenantId])).get(tenantId) ?? UNTRACKED,
      ),
  );
  const schema = {
    ...about(
      'Say what is tracked',
      'In place of what was said before; in force in all processes within two seconds, for what is sent from then on.',
    ),
    body: Body,
    response: responses({ 200: Answer }),
  };
  app.put(
    url,
    { config: { scope: 'categories:write' }, schema },
    async ({ credential: { tenantId }, body }) => {
      const settings: TrackingSettings = { ...UNTRACKED, ...body, origin: parseOrigin(body.origin) };
      if (settings.enabled && settings.origin === null && tracker.origin === null)
        throw new Problem(
          'link.unavailable',
          'Set BELLHOP_PUBLIC_URL, or /origin, to an https address that users can open',
        );
      const now = new Date(clock.now());
      await store.scoped(tenantId, (db) => saveTrackingSettings(db, { ...settings, tenantId, now }));
      tracker.forget(tenantId);
      return settings;
    },
  );
}

function parseOrigin(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const parsed = URL.parse(text);
  if (parsed?.protocol !== 'https:' || parsed.href !== `${parsed.origin}/`)
    throw invalidField('/origin', 'must be an https origin, without path, query and user name');
  return parsed.origin;
}
