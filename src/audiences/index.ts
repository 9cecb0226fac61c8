export { type Audience, type AudiencePage, audiencePage } from './audience.ts';
export { AudienceLoop, type AudienceLoopOptions } from './audience-loop.ts';
export { AUDIENCES_TOPIC, type AudienceDeps } from './deps.ts';
export { registerAudienceRoutes } from './routes.ts';
export { findSegment, segmentsOf } from './segment-store.ts';
export { TopicPath } from './topic.ts';
