import { Type } from 'typebox';
import { Exact, OneOf, Problem, responses, type Server, Slug } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { CHANNELS } from '../providers/index.ts';
import { askToConfirm } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';
import type { Links, TenantLinks } from './links.ts';
import { registerOwnerRoutes } from './owner-routes.ts';

export interface ConsentRouteOptions {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  links: Links;
}

const LinkAnswer = Type.Object({
  url: Type.String({ format: 'uri', description: 'Whoever has it can change what the user gets' }),
});
const OptInBody = Exact({ category: Slug('The category'), channel: OneOf(CHANNELS) });
const OptInAnswer = Type.Object({
  category: Type.String(),
  channel: Type.String(),
  choice: Type.String({ description: '`pending`; or `in` or `out` when the user said so before' }),
  url: Type.String({ format: 'uri', description: 'Where the user confirms: send it to him by that channel' }),
});

const about = (summary: string, description?: string) => ({ tags: ['Preferences'], summary, description });

/** Links by which users themselves say what they want. */
export function registerConsentRoutes(app: Server, options: ConsentRouteOptions): void {
  addLink(app, options);
  addOptIn(app, options);
  addRotate(app, options);
  registerOwnerRoutes(app, options);
}

function addLink(app: Server, { store, links }: ConsentRouteOptions): void {
  const schema = {
    ...about(
      "The link to a user's own page of preferences",
      'Needs BELLHOP_PUBLIC_URL. The link does not expire.',
    ),
    params: UserPath,
    response: responses({ 200: LinkAnswer }),
  };
  // Who has the link may write, so reading it takes the right to write.
  app.get(
    '/v1/users/:userId/preference-link',
    { config: { scope: 'users:write' }, schema },
    async ({ credential: { tenantId, live }, params: { userId } }) => {
      const key = { tenantId, externalId: userId };
      const id = await store.scoped(tenantId, (db) => requireUserId(db, key));
      return { url: (await offered(links, tenantId)).preferences({ id, live }) };
    },
  );
}

function addOptIn(app: Server, { store, clock, links }: ConsentRouteOptions): void {
  const schema = {
    ...about(
      'Ask a user to confirm that he wants something',
      'Writes down `pending`, unless the user said something before, and makes the link that confirms it.',
    ),
    params: UserPath,
    body: OptInBody,
    response: responses({ 200: OptInAnswer }),
  };
  app.post(
    '/v1/users/:userId/opt-in',
    { config: { scope: 'users:write' }, schema },
    async ({ credential: { tenantId, live }, params: { userId }, body }) => {
      if (!links.areOffered) throw unavailable();
      const now = new Date(clock.now());
      const { id, choice } = await store.scoped(tenantId, async (db) => {
        const user = { tenantId, id: await requireUserId(db, { tenantId, externalId: userId }) };
        return { id: user.id, choice: await askToConfirm(db, user, { ...body, source: 'api', now }) };
      });
      const url = (await offered(links, tenantId)).optIn({ id, live }, body);
      return { ...body, choice, url };
    },
  );
}

function addRotate(app: Server, { links }: ConsentRouteOptions): void {
  const schema = {
    ...about(
      'End all links that were given out',
      'For when they fell into wrong hands: links in mails that were sent stop working too, within two seconds.',
    ),
    response: responses({ 204: Type.Null() }),
  };
  app.post(
    '/v1/preference-links/rotate',
    { config: { scope: 'keys:write' }, schema },
    async ({ credential: { tenantId } }, reply) => {
      await links.rotate(tenantId);
      return reply.code(204).send(null);
    },
  );
}

async function offered(links: Links, tenantId: string): Promise<TenantLinks> {
  if (!links.areOffered) throw unavailable();
  const own = (await links.forTenants([tenantId])).get(tenantId);
  if (!own) throw new Problem('service.internal', 'The key of the links can not be opened: rotate it');
  return own;
}

function unavailable(): Problem {
  return new Problem('link.unavailable', 'Set BELLHOP_PUBLIC_URL to the https address that users can open');
}
