export { registerChangeRoutes } from './changes.ts';
export { registerExplainRoutes } from './explain-routes.ts';
export { createGroupCommit, type GroupCommit } from './group-commit.ts';
export { type AcceptOptions, registerAcceptRoutes } from './routes.ts';
export { purgeExpiredKeys } from './store.ts';
