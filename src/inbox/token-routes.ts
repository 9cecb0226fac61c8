import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  keepAnswerFrom,
  mayUse,
  Problem,
  responses,
  type Scope,
  type Server,
  type UserScope,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { RateWindow } from '../lib/rate-window.ts';
import type { Store } from '../store/index.ts';
import type { IssuedToken, UserTokens } from '../tenants/index.ts';
import { requireUserId, UserPath } from '../users/index.ts';

export interface TokenRoutesDeps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  tokens: UserTokens;
  /** Wrong subscriber hashes from one address in a second before it is answered 429; 0 is no limit. */
  failuresPerSecondPerAddress: number;
}

const DEFAULT_SECONDS = 3_600;
const MIN_SECONDS = 60;
const MAX_SECONDS = 86_400;
const TICKET_MS = 60_000;
const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

const GRANTED = ['inbox', 'devices', 'preferences'] as const satisfies UserScope[];
/** What a key must be allowed itself to give it to a user. */
const NEEDED: Record<(typeof GRANTED)[number], Scope> = {
  inbox: 'inbox:write',
  devices: 'users:write',
  preferences: 'users:write',
};

const TokenAnswer = Type.Object({
  token: Type.String({ description: 'A JWT; send it as "Authorization: Bearer <token>"' }),
  expiresAt: Type.String({ format: 'date-time' }),
});
const TicketAnswer = Type.Object({
  ticket: Type.String({ description: 'For `GET /v1/inbox/stream?ticket=…`' }),
  expiresAt: Type.String({ format: 'date-time', description: 'Until then a stream can be opened with it' }),
});
const TokenBody = Type.Unsafe<
  { ttlSeconds?: number; scopes?: (typeof GRANTED)[number][] } | null | undefined
>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    ttlSeconds: {
      type: 'integer',
      minimum: MIN_SECONDS,
      maximum: MAX_SECONDS,
      default: DEFAULT_SECONDS,
      description: 'How long it is good',
    },
    scopes: {
      type: 'array',
      items: { type: 'string', enum: [...GRANTED] },
      minItems: 1,
      uniqueItems: true,
      description: 'What it is good for; all when absent',
    },
  },
});
const SessionBody = Exact({
  tenant: Type.String({ format: 'uuid', description: 'As the rotation of the secret answered it' }),
  userId: ExternalId,
  subscriberHash: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'Hex HMAC-SHA256 of `userId` with the secret; made on your server',
  }),
  live: Type.Optional(
    Type.Boolean({ default: true, description: 'False for what test notifications stored' }),
  ),
});
const RotateBody = Type.Unsafe<{ overlapSeconds?: number } | null | undefined>({
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    overlapSeconds: {
      type: 'integer',
      minimum: 0,
      maximum: MAX_OVERLAP_SECONDS,
      default: DEFAULT_OVERLAP_SECONDS,
      description: 'How long the secret before it stays good, and tokens that it signed',
    },
  },
});

const about = (summary: string, description?: string) => ({ tags: ['User tokens'], summary, description });

/** Tokens by which apps and browsers act for one user: his inbox, devices and preferences. */
export function registerTokenRoutes(app: Server, deps: TokenRoutesDeps): void {
  registerIssue(app, deps);
  registerSession(app, deps);
  registerTicket(app, deps);
  registerRotate(app, deps);
}

function registerIssue(app: Server, { store, tokens }: TokenRoutesDeps): void {
  app.post(
    '/v1/users/:userId/tokens',
    {
      config: { scope: 'users:write' },
      schema: {
        ...about(
          'Make a token for a user',
          "For his app or browser: it reaches this user's own things, and no others.",
        ),
        params: UserPath,
        body: TokenBody,
        response: responses({ 201: TokenAnswer }),
      },
    },
    async ({ credential, params: { userId: externalId }, body }, reply) => {
      const { tenantId, live } = credential;
      const { scopes = [...GRANTED], ttlSeconds = DEFAULT_SECONDS } = body ?? {};
      const lacking = scopes.map((scope) => NEEDED[scope]).find((scope) => !mayUse(credential, scope));
      if (lacking) throw new Problem('auth.forbidden', `This key lacks the scope "${lacking}" itself`);
      await store.scoped(tenantId, (db) => requireUserId(db, { tenantId, externalId }));
      const issued = await tokens.issue({
        tenantId,
        externalId,
        live,
        scopes,
        lifetimeMs: ttlSeconds * 1_000,
      });
      return reply.code(201).send(render(issued));
    },
  );
}

function registerSession(app: Server, deps: TokenRoutesDeps): void {
  const { store, clock, tokens } = deps;
  const failures = new RateWindow(deps.failuresPerSecondPerAddress, clock);
  app.post(
    '/v1/inbox/session',
    {
      config: { isForBrowsers: true },
      schema: {
        ...about(
          "Exchange a subscriber hash for a user's token",
          'For apps whose server only puts a hash into the page. A hash does not expire: tokens from your server are better.',
        ),
        security: [],
        body: SessionBody,
        response: responses({ 201: TokenAnswer }),
      },
    },
    async (
      { ip, body: { tenant: tenantId, userId: externalId, subscriberHash: hash, live = true } },
      reply,
    ) => {
      keepAnswerFrom(reply, tenantId);
      if (failures.isExceeded(ip))
        throw new Problem('rate.limited', 'Too many failed authentications from this address', {
          retryAfterSeconds: 1,
        });
      if (!(await tokens.knowsSubscriber({ tenantId, externalId, hash }))) {
        failures.count(ip);
        throw new Problem('auth.invalid', 'The subscriber hash is not right');
      }
      await store.scoped(tenantId, (db) => requireUserId(db, { tenantId, externalId }));
      const lifetimeMs = DEFAULT_SECONDS * 1_000;
      const issued = await tokens.issue({ tenantId, externalId, live, scopes: GRANTED, lifetimeMs });
      return reply.code(201).send(render(issued));
    },
  );
}

function registerTicket(app: Server, { tokens }: TokenRoutesDeps): void {
  app.post(
    '/v1/inbox/stream-tickets',
    {
      config: { userScope: 'inbox' },
      schema: {
        ...about(
          'Make a ticket for a stream',
          "Browsers' `EventSource` sends no headers, so what opens the stream stands in the address: good for a minute, for nothing else. The stream goes on as long as the token is good.",
        ),
        response: responses({ 201: TicketAnswer }),
      },
    },
    async ({ credential: { tenantId, live, user } }, reply) => {
      const { externalId, streamsUntil } = user!;
      const { token: ticket, expiresAt } = await tokens.issue({
        tenantId,
        externalId,
        live,
        scopes: ['stream'],
        lifetimeMs: TICKET_MS,
        streamsUntil,
      });
      return reply.code(201).send({ ticket, expiresAt: new Date(expiresAt).toISOString() });
    },
  );
}

function registerRotate(app: Server, { tokens }: TokenRoutesDeps): void {
  app.post(
    '/v1/user-token-secret/rotate',
    {
      config: { scope: 'keys:write' },
      schema: {
        ...about(
          'Make a new secret for the tokens of users',
          'Shown this once; you need it for subscriber hashes only. The one before stays good for a while.',
        ),
        body: RotateBody,
        response: responses({
          201: Type.Object({
            tenant: Type.String({ format: 'uuid' }),
            version: Type.Integer(),
            secret: Type.String(),
          }),
        }),
      },
    },
    async ({ credential: { tenantId }, body }, reply) => {
      const { overlapSeconds = DEFAULT_OVERLAP_SECONDS } = body ?? {};
      const { version, secret } = await tokens.rotate(tenantId, overlapSeconds * 1_000);
      return reply.code(201).send({ tenant: tenantId, version, secret: secret.reveal() });
    },
  );
}

function render({ token, expiresAt }: IssuedToken) {
  return { token, expiresAt: new Date(expiresAt).toISOString() };
}
