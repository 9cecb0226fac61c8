export { type DeliveryEngine, startDelivery } from './engine.ts';
export { Sweep } from './sweep.ts';
export { Work, type WorkHealth } from './work.ts';
