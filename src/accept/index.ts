export { registerChangeRoutes } from './changes.ts';
export { type ConfirmOptions, registerConfirmRoute } from './confirm.ts';
export { countAccepted } from './counts.ts';
export { registerExplainRoutes } from './explain-routes.ts';
export { createGroupCommit, type GroupCommit } from './group-commit.ts';
export { buildRow, checkRules, checkTemplate, NotificationBody } from './request.ts';
export { type AcceptOptions, registerAcceptRoutes } from './routes.ts';
export { type AcceptedRow, insertAccepted, purgeExpiredKeys } from './store.ts';
export { registerTestRoutes } from './test-routes.ts';
