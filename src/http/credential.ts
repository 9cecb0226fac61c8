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

/** Who is calling. The tenant of a request comes from here and from nowhere else. */
export interface Credential {
  keyId: string;
  tenantId: string;
  /** False for test keys: their notifications only ever reach the simulator. */
  live: boolean;
  scopes: readonly Scope[];
}

/** Looks up a bearer token; null when it is unknown, expired or revoked. */
export type Authenticate = (bearerToken: string) => Credential | null | Promise<Credential | null>;
