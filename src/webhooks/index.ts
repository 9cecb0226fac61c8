export type { WebhookTransport } from './call.ts';
export type { WebhookRouteOptions } from './route-deps.ts';
export { registerWebhookRoutes } from './routes.ts';
export { WebhookLoop, type WebhookLoopOptions } from './webhook-loop.ts';
