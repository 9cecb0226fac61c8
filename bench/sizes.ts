import type { AcceptSizes } from './accept.ts';
import { type CampaignsSizes, FULL_CAMPAIGNS, QUICK_CAMPAIGNS } from './campaigns.ts';
import type { RoadSizes } from './end-to-end.ts';
import type { StreamsSizes } from './inbox-streams.ts';

/** How long and how much each part measures. */
export interface Sizes {
  accept: AcceptSizes;
  embeddedAccept: AcceptSizes;
  road: RoadSizes;
  tlsRoad: RoadSizes;
  embeddedRoad: RoadSizes;
  idleSeconds: number;
  /** Jobs that go through a queue. */
  jobs: number;
  /** For which each way of sending is measured. */
  channelSeconds: number;
  campaigns: CampaignsSizes;
  /** Users who are imported and segmented. */
  audience: number;
  inboxStreams: StreamsSizes;
  /** Of each phase of R1 to R3, and of the search for the soak's pace. */
  troubleSeconds: number;
}

/** Less than a quarter of an hour, once the large databases of P3 and P11 are there. */
export const FULL: Sizes = {
  accept: { warmUpSeconds: 2, seconds: 10 },
  embeddedAccept: { warmUpSeconds: 2, seconds: 6 },
  road: { warmUpSeconds: 3, stepSeconds: 4, sustainedSeconds: 60 },
  tlsRoad: { warmUpSeconds: 3, stepSeconds: 4, sustainedSeconds: 20 },
  embeddedRoad: { warmUpSeconds: 3, stepSeconds: 4, sustainedSeconds: 20 },
  idleSeconds: 15,
  jobs: 20_000,
  channelSeconds: 5,
  campaigns: FULL_CAMPAIGNS,
  audience: 1_000_000,
  inboxStreams: { streams: 5_000, seconds: 30 },
  troubleSeconds: 10,
};

/** Less than two minutes: tells whether everything still works and what is out by a half, and no more. */
export const QUICK: Sizes = {
  accept: { warmUpSeconds: 1, seconds: 1.5 },
  embeddedAccept: { warmUpSeconds: 1, seconds: 1.5 },
  road: { warmUpSeconds: 1, stepSeconds: 1.6, sustainedSeconds: 3 },
  tlsRoad: { warmUpSeconds: 1, stepSeconds: 1.6, sustainedSeconds: 2 },
  embeddedRoad: { warmUpSeconds: 1, stepSeconds: 1.6, sustainedSeconds: 2 },
  idleSeconds: 2,
  jobs: 2_000,
  channelSeconds: 0.4,
  campaigns: QUICK_CAMPAIGNS,
  audience: 20_000,
  inboxStreams: { streams: 200, seconds: 2 },
  troubleSeconds: 4,
};
