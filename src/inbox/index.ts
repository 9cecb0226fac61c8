export type { InboxRoutesDeps } from './change.ts';
export { purgeInboxChanges } from './change-store.ts';
export { registerInboxRoutes } from './routes.ts';
export type { NewInboxItem } from './store.ts';
export { storeInboxItems } from './store-items.ts';
export { registerStreamRoute, type StreamRoutesDeps } from './stream-routes.ts';
export { Streams, type StreamsOptions } from './streams.ts';
export { registerTokenRoutes, type TokenRoutesDeps } from './token-routes.ts';
export { inboxTopic } from './topic.ts';
