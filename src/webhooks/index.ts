export type { WebhookTransport } from './call.ts';
export { registerWebhookRoutes, type WebhookRouteOptions } from './routes.ts';
export { WebhookLoop, type WebhookLoopOptions } from './webhook-loop.ts';
