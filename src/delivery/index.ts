export { type DeliveryEngine, startDelivery } from './engine.ts';
export { Sweep } from './sweep.ts';
