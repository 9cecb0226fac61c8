/** What each way of sending is asked for, and what it answers. */
export interface ChannelPlan {
  channel: ChannelName;
  /** Where the mock of the provider listens. */
  port: number;
  seconds: number;
  message: {
    title: string;
    body: string;
    data: Record<string, string>;
    email: { subject: string; text: string; html: string };
  };
}

export type ChannelName = 'APNs' | 'FCM' | 'Web Push' | 'SMTP';

export interface ChannelPace {
  perSecond: number;
  /** Processor time of the sending process, all its threads, for each send. */
  cpuMicros: number;
  failed: number;
  /** What the first that failed said. */
  failure?: string;
}

/** Sends under way at once, on both sides. SMTP has as many connections on both sides; the rest waits. */
export const IN_FLIGHT = { APNs: 500, FCM: 500, 'Web Push': 200, SMTP: 100 } satisfies Record<
  ChannelName,
  number
>;

/** For which it is driven before, so that the code is compiled and the connections are open. */
const LONGEST_WARM_UP_SECONDS = 0.7;

/** Calls `send` (which says how many it sent, and throws when it failed) so many times at once, for a while. */
export async function drive(
  plan: ChannelPlan,
  atOnce: number,
  send: () => Promise<number>,
): Promise<ChannelPace> {
  await during(Math.min(LONGEST_WARM_UP_SECONDS, plan.seconds), atOnce, send);
  return during(plan.seconds, atOnce, send);
}

async function during(seconds: number, atOnce: number, send: () => Promise<number>): Promise<ChannelPace> {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const end = startedAt + seconds * 1000;
  let sent = 0;
  let failed = 0;
  let failure: string | undefined;
  const lane = async () => {
    while (performance.now() < end) {
      try {
        const count = await send();
        sent += count;
      } catch (error) {
        failed++;
        failure ??= (error as Error).message;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const { user, system } = process.cpuUsage(cpuBefore);
  const perSecond = sent / ((performance.now() - startedAt) / 1000);
  return { perSecond, cpuMicros: (user + system) / sent, failed, failure };
}
