/** What a caller may do, in words of the API: a scope is `<resource>:<read|write>`; `owner` may do everything. */
export const SCOPES = [
  'owner',
  'notifications:write',
  'notifications:read',
  'users:write',
  'users:read',
  'templates:write',
  'templates:read',
  'connections:write',
  'connections:read',
  'categories:write',
  'categories:read',
  'hooks:write',
  'hooks:read',
  'webhooks:write',
  'webhooks:read',
  'keys:write',
  'audiences:write',
  'audiences:read',
  'inbox:write',
  'inbox:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** What the token of a user may be good for, each for that user alone; a stream is part of the inbox. */
export const USER_SCOPES = ['inbox', 'devices', 'preferences', 'stream'] as const;
export type UserScope = (typeof USER_SCOPES)[number];

/** Whom the token of a user speaks for. */
export interface UserGrant {
  /** The caller's id of the user. */
  externalId: string;
  scopes: readonly UserScope[];
  /** Milliseconds since the epoch at which streams that it opened end. */
  streamsUntil: number;
}

/** Who is calling. The tenant of a request comes from here and from nowhere else. */
export interface Credential {
  keyId: string;
  tenantId: string;
  /** False for test keys: their notifications only ever reach the simulator. */
  live: boolean;
  scopes: readonly Scope[];
  /** Of a token: one user, whom it may not go beyond. An API key has none. */
  user?: UserGrant;
}

/** Looks up a bearer token; null when it is unknown, expired or revoked. */
export type Authenticate = (bearerToken: string) => Credential | null | Promise<Credential | null>;
