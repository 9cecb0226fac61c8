import type { FastifyRequest } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import { RateWindow } from '../lib/rate-window.ts';
import type { Authenticate, Credential, Scope, UserGrant, UserScope } from './credential.ts';
import { Problem } from './errors.ts';
import type { Server } from './server.ts';

interface AuthenticationOptions {
  authenticate: Authenticate;
  clock: Clock;
  requestsPerSecondPerKey: number;
  authFailuresPerSecondPerAddress: number;
}

/** Runs before the body is read: who calls, may he, and not too often. */
export function installAuthentication(app: Server, options: AuthenticationOptions): void {
  const failures = new RateWindow(options.authFailuresPerSecondPerAddress, options.clock);
  const requests = new RateWindow(options.requestsPerSecondPerKey, options.clock);
  // Reserves the property's place in the request's hidden class; the hook below sets it before any handler runs.
  app.decorateRequest('credential', null as unknown as Credential);
  const admit = (request: FastifyRequest, needed: Needed, credential: Credential | null) => {
    if (!credential) {
      failures.count(request.ip);
      throw new Problem('auth.invalid', 'The API key or token is unknown, expired or revoked');
    }
    if (credential.user) checkUser(request, needed, credential.user);
    else checkKey(needed, credential);
    if (!requests.count(credential.keyId))
      throw tooMany('This API key has used up its requests for this second');
    request.credential = credential;
  };
  const authenticate = (request: FastifyRequest, needed: Needed): void | Promise<void> => {
    if (failures.isExceeded(request.ip)) throw tooMany('Too many failed authentications from this address');
    const token = needed.takesTicket ? bearerOrTicket(request) : bearerToken(request.headers.authorization);
    const credential = options.authenticate(token);
    if (!(credential instanceof Promise)) return admit(request, needed, credential);
    return credential.then((found) => admit(request, needed, found));
  };
  // This runs for every request, and a key that is known needs no promise.
  app.addHook('onRequest', (request, _reply, done) => {
    const { config } = request.routeOptions;
    if (!config.scope && !config.userScope) return done();
    const looked = attempt(() => authenticate(request, config));
    if (looked instanceof Promise) looked.then(() => done(), done);
    else done(looked ?? undefined);
  });
}

/** What a route asks of its callers. */
interface Needed {
  scope?: Scope;
  userScope?: UserScope;
  takesTicket?: boolean;
}

function checkKey({ scope }: Needed, credential: Credential): void {
  if (!scope)
    throw new Problem('auth.forbidden', 'This is for tokens of users: POST /v1/users/{userId}/tokens');
  if (mayUse(credential, scope)) return;
  throw new Problem('auth.forbidden', `This needs a key with the scope "${scope}" (or "owner")`);
}

/** A token of a user reaches that user's own things, and nothing else. */
function checkUser(request: FastifyRequest, { userScope }: Needed, user: UserGrant): void {
  if (!userScope) throw new Problem('auth.forbidden', 'The token of a user may not do this');
  const isGranted =
    user.scopes.includes(userScope) || (userScope === 'stream' && user.scopes.includes('inbox'));
  if (!isGranted) throw new Problem('auth.forbidden', `This needs a token with the scope "${userScope}"`);
  const { userId = user.externalId } = (request.params ?? {}) as { userId?: string };
  if (userId !== user.externalId)
    throw new Problem('auth.forbidden', 'The token of a user is good for that user only');
  // Addresses are written down by others, so what stands in one must open a stream and nothing more.
  if (!request.headers.authorization && user.scopes.some((scope) => scope !== 'stream'))
    throw new Problem(
      'auth.forbidden',
      'Only a ticket may stand in the address: POST /v1/inbox/stream-tickets',
    );
}

/** What `work` returns, or the error that it throws. */
function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}

export function mayUse(credential: Credential, scope: Scope): boolean {
  return credential.scopes.includes('owner') || credential.scopes.includes(scope);
}

function bearerToken(header: string | undefined): string {
  const match = header && /^Bearer +(\S+)$/i.exec(header);
  if (!match) throw new Problem('auth.missing', 'Send the API key as "Authorization: Bearer <key>"');
  return match[1]!;
}

/** `EventSource` of browsers sends no headers of one's own. */
function bearerOrTicket({ headers, query }: FastifyRequest): string {
  const { ticket } = (query ?? {}) as { ticket?: unknown };
  const isTicket = headers.authorization === undefined && typeof ticket === 'string';
  // An API key in an address would be in the logs of every proxy: it is not even looked up.
  return isTicket && ticket.startsWith('eyJ') ? ticket : bearerToken(headers.authorization);
}

function tooMany(detail: string): Problem {
  return new Problem('rate.limited', detail, { retryAfterSeconds: 1 });
}
