export { mayUse } from './authentication.ts';
export { parseJsonBody } from './body.ts';
export { type AllowedOrigins, keepAnswerFrom } from './cors.ts';
export {
  type Authenticate,
  type Credential,
  SCOPES,
  type Scope,
  USER_SCOPES,
  type UserGrant,
  type UserScope,
} from './credential.ts';
export {
  ERRORS,
  type ErrorCode,
  type FieldProblem,
  invalidField,
  Problem,
  renderErrorReference,
} from './errors.ts';
export {
  createObservingServer,
  type HealthChecks,
  registerHealth,
  registerMetrics,
} from './observing.ts';
export {
  Exact,
  ExternalId,
  OneOf,
  Page,
  type PageOf,
  PageQuery,
  parseCursor,
  responses,
  Slug,
  type Static,
  Timestamp,
  toPage,
} from './schema.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
export { describeValidation } from './validation.ts';
