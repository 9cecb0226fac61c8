export { type InboxRoutesDeps, registerInboxRoutes } from './routes.ts';
export { type NewInboxItem, storeInboxItems } from './store.ts';
