import {
  CHANNELS,
  type Channel,
  PLATFORMS,
  type Platform,
  PRIORITIES,
  type Priority,
} from '../providers/contract.ts';

/** What worker pools and queues are keyed by, e.g. `email.high` or `push.ios.normal`. */
export type Lane = string;

/** Push has a lane per platform, so that a slow FCM never holds APNs. */
export function laneOf(channel: Channel, platform: Platform | null, priority: Priority): Lane {
  return channel === 'push' && platform ? `push.${platform}.${priority}` : `${channel}.${priority}`;
}

export function allLanes(): Lane[] {
  return PRIORITIES.flatMap((priority) =>
    CHANNELS.flatMap((channel) =>
      channel === 'push'
        ? PLATFORMS.map((platform) => laneOf(channel, platform, priority))
        : [laneOf(channel, null, priority)],
    ),
  );
}

const LANES = new Set(allLanes());

export function isLane(name: string): name is Lane {
  return LANES.has(name);
}

export function priorityOf(lane: Lane): Priority {
  return lane.slice(lane.lastIndexOf('.') + 1) as Priority;
}
