export { countUnknown, type LaneBacklog, loadBacklog } from './backlog.ts';
export { createPostgresQueue } from './postgres.ts';
export type { Claim, Claimed, NotificationRequest, Queue, Slice, Turn } from './queue.ts';
export { sealedMark, sealedPlace } from './sealed-values.ts';
export { insertSharedRequest } from './shared-requests.ts';
export { storedRequest } from './stored-request.ts';
export { DIGESTS, ROUTE, ROUTE_HIGH, routeTopic, type Topic, Wake, WEBHOOKS } from './wake.ts';
export { untilDue, WakefulLoop } from './wakeful-loop.ts';
