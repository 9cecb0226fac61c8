export { type DeliveryEngine, startDelivery } from './engine.ts';
export { HealthBoard } from './health-board.ts';
export { type HealthRouteOptions, registerHealthRoutes } from './health-routes.ts';
export { Sweep } from './sweep.ts';
export { createHttpTransport } from './transport/index.ts';
export { policiesOf } from './unknown-policy.ts';
export { purgeVendorIds } from './vendor-ids.ts';
export { Work, type WorkHealth } from './work.ts';
