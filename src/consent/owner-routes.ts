import { Type } from 'typebox';
import { Exact, invalidField, responses, type Server } from '../http/index.ts';
import { loadOwner, type Owner, saveOwner } from './owner-store.ts';
import type { ConsentRouteOptions } from './routes.ts';

const OrNone = (text: ReturnType<typeof Type.String>) => Type.Union([text, Type.Null()]);
const Body = Exact({
  name: Type.Optional(
    OrNone(Type.String({ minLength: 1, maxLength: 100, description: 'Stands above each page' })),
  ),
  logoUrl: Type.Optional(
    OrNone(
      Type.String({
        maxLength: 2_048,
        description: 'https; browsers of users load it, and it learns of no link',
      }),
    ),
  ),
});
const Answer = Type.Object({ name: OrNone(Type.String()), logoUrl: OrNone(Type.String()) });

const url = '/v1/preference-page';
const about = (summary: string, description?: string) => ({ tags: ['Preferences'], summary, description });

/** Whose pages these are: what users see above them. */
export function registerOwnerRoutes(app: Server, { store, clock }: ConsentRouteOptions): void {
  app.get(
    url,
    {
      config: { scope: 'categories:read' },
      schema: { ...about('How the pages for users present you'), response: responses({ 200: Answer }) },
    },
    ({ credential: { tenantId } }) => store.scoped(tenantId, (db) => loadOwner(db, tenantId)),
  );
  const schema = {
    ...about('Set your name and logo on the pages for users', 'In place of those before.'),
    body: Body,
    response: responses({ 200: Answer }),
  };
  app.put(url, { config: { scope: 'categories:write' }, schema }, ({ credential: { tenantId }, body }) => {
    const owner: Owner = { name: body.name ?? null, logoUrl: parseLogo(body.logoUrl) };
    const now = new Date(clock.now());
    return store.scoped(tenantId, async (db) => {
      await saveOwner(db, { ...owner, tenantId, now });
      return owner;
    });
  });
}

function parseLogo(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const parsed = URL.parse(text);
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.password !== '')
    throw invalidField('/logoUrl', 'must be an https URL without a user name');
  return parsed.href;
}
