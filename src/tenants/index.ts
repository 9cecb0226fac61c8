export { type Authenticator, type AuthenticatorOptions, createAuthenticator } from './authenticator.ts';
export { type BootstrapOptions, bootstrapInstance, type FirstKeys } from './bootstrap.ts';
export { BOOTSTRAP_KEY_ID } from './bootstrap-key.ts';
export {
  type BrowserOriginOptions,
  createAllowedOrigins,
  registerBrowserOriginRoutes,
} from './browser-origins.ts';
export type { Connection } from './connection.ts';
export { type ConnectionRouteOptions, registerConnectionRoutes } from './connection-routes.ts';
export { type Connections, type ConnectionsOptions, createConnections } from './connections.ts';
export type { Countries } from './countries.ts';
export type { DataKey } from './data-keys.ts';
export { rewrapDataKeys } from './data-keys.ts';
export { type KeyRouteOptions, registerKeyRoutes } from './key-routes.ts';
export {
  type ApiKey,
  createKey,
  type KeyRequest,
  listKeys,
  type NewApiKey,
  revokeKey,
  rotateKey,
} from './keys.ts';
export {
  loadOrCreateMasterKey,
  type MasterKey,
  type MasterKeyOptions,
  type MasterKeys,
  parseMasterKey,
} from './master-key.ts';
export { type SealedSecrets, sealSecrets } from './sealed-secrets.ts';
export { createSeals, type Seals } from './seals.ts';
export { openForTenant, type StoredSecrets, sealForTenant } from './tenant-secrets.ts';
export { listTenantIds } from './tenant-store.ts';
export { DEFAULT_TENANT, ensureDefaultTenant } from './tenants.ts';
export { looksLikeUserToken } from './user-token.ts';
export {
  createUserTokens,
  type IssuedToken,
  type TokenGrant,
  type UserTokens,
  type UserTokensOptions,
} from './user-tokens.ts';
export { type HeldTemplates, heldState } from './vendor-template.ts';
export { saveVendorTemplates } from './vendor-template-store.ts';
