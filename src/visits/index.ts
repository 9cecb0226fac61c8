export { BURST_MS, isBurst, judgeVisit, mayBeBurst, type Verdict, type VisitFacts } from './judge.ts';
export { loadVisitsKey, type VisitsKeyOptions } from './key.ts';
export type { TrackingSettings } from './settings.ts';
export { registerTrackingSettings, type TrackingSettingsOptions } from './settings-routes.ts';
export { KINDS, type Kind, type Tracked } from './token.ts';
export { track } from './track.ts';
export { createTracker, type MessageTracking, type Tracker } from './tracker.ts';
