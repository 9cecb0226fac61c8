/** What may end a ladder. Each includes those before it: what was clicked was seen and delivered. */
export const GOALS = ['delivered', 'seen', 'clicked', 'confirmed'] as const;
export type Goal = (typeof GOALS)[number];

/** Channels in order, as the caller asked for them and as they are stored with the notification. */
export interface LadderRequest {
  steps: { channels: string[]; waitSeconds?: number }[];
  until: Goal;
}

/** Whether the furthest that a notification got ends a ladder that goes on until `until`. Pure. */
export function meets(reached: Goal | null, until: Goal): boolean {
  return reached !== null && GOALS.indexOf(reached) >= GOALS.indexOf(until);
}
