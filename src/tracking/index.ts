export { applyReceipts } from './apply.ts';
export { createReceiptLane, type LanePost, type ReceiptLane } from './lane.ts';
export { receiptUrl, registerTrackingRoutes, type TrackingOptions } from './routes.ts';
