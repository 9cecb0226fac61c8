export { type DeliveryEngine, startDelivery } from './engine.ts';
export { Sweep } from './sweep.ts';
export { createHttpTransport } from './transport/index.ts';
