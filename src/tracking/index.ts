export { applyReceipts } from './apply.ts';
export { receiptUrl, registerTrackingRoutes, type TrackingOptions } from './routes.ts';
