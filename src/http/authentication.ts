import type { FastifyRequest } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import { RateWindow } from '../lib/rate-window.ts';
import type { Authenticate, Credential, Scope } from './credential.ts';
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
  const admit = (request: FastifyRequest, scope: Scope, credential: Credential | null) => {
    if (!credential) {
      failures.count(request.ip);
      throw new Problem('auth.invalid', 'The API key is unknown, expired or revoked');
    }
    if (!mayUse(credential, scope)) {
      throw new Problem('auth.forbidden', `This needs a key with the scope "${scope}" (or "owner")`);
    }
    if (!requests.count(credential.keyId))
      throw tooMany('This API key has used up its requests for this second');
    request.credential = credential;
  };
  const authenticate = (request: FastifyRequest, scope: Scope): void | Promise<void> => {
    if (failures.isExceeded(request.ip)) throw tooMany('Too many failed authentications from this address');
    const credential = options.authenticate(bearerToken(request.headers.authorization));
    if (!(credential instanceof Promise)) return admit(request, scope, credential);
    return credential.then((found) => admit(request, scope, found));
  };
  // This runs for every request, and a key that is known needs no promise.
  app.addHook('onRequest', (request, _reply, done) => {
    const { scope } = request.routeOptions.config;
    if (!scope) return done();
    const looked = attempt(() => authenticate(request, scope));
    if (looked instanceof Promise) looked.then(() => done(), done);
    else done(looked ?? undefined);
  });
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

function tooMany(detail: string): Problem {
  return new Problem('rate.limited', detail, { retryAfterSeconds: 1 });
}
