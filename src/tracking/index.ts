export { applyReceipts } from './apply.ts';
export { type ApplyVisitsOptions, applyVisits } from './apply-visits.ts';
export { createReceiptLane, type LanePost, type ReceiptLane } from './lane.ts';
export { receiptUrl, registerTrackingRoutes, type TrackingOptions } from './routes.ts';
export type { VisitDoorOptions } from './visit-door.ts';
export { VisitLine, type VisitLineOptions } from './visit-line.ts';
export { registerVisitRoutes } from './visit-routes.ts';
export { registerVisitsView } from './visits-view.ts';
