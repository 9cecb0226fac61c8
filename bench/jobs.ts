/** As many as our own statements take at once. */
export const BATCH = 500;
/** Before the clock runs: compiled code, prepared statements, open connections. */
export const WARM_UP_JOBS = 2_000;

/** What `queue-own.ts` and the scripts in `peers/` are asked for, and what they answer. */
export interface QueuePlan {
  /** A fresh database of its own. */
  databaseUrl: string;
  /** Of a Redis that syncs every command; 0 where there is none. */
  redisPort: number;
  jobs: number;
}

/** Jobs per second, by the way in which the queue was used. */
export type QueuePace = Record<string, number>;

/** The way of ours that writes the notifications too. */
export const WITH_NOTIFICATIONS = 'with their notifications';

export interface Job {
  userId: string;
  message: { title: string; body: string };
}

/** A job as small as real ones are: what to tell, and whom. */
export function makeJobs(count: number): Job[] {
  return Array.from({ length: count }, (_, n) => ({
    userId: `user-${n}`,
    message: { title: 'New Message!', body: 'You have a new message from Alice.' },
  }));
}

/** Calls `work` with batches of the jobs, so many of them at a time. */
export async function inBatches<J>(jobs: J[], atOnce: number, work: (batch: J[]) => Promise<unknown>) {
  let next = 0;
  const lane = async () => {
    while (next < jobs.length) {
      const from = next;
      next += BATCH;
      await work(jobs.slice(from, from + BATCH));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/**
 * Runs a whole cycle twice, the first time to warm up; jobs per second of the second one. A cycle may return how to
 * clean up behind it, which is waited for but not measured: a worker left over would take jobs of the next cycle.
 */
export async function paceOf<Ready>(
  jobs: number,
  prepare: (jobs: Job[]) => Promise<Ready> | Ready,
  cycle: (ready: Ready) => Promise<undefined | (() => Promise<unknown>)>,
): Promise<number> {
  await (await cycle(await prepare(makeJobs(Math.min(jobs, WARM_UP_JOBS)))))?.();
  const ready = await prepare(makeJobs(jobs));
  const startedAt = performance.now();
  const cleanUp = await cycle(ready);
  const seconds = (performance.now() - startedAt) / 1000;
  await cleanUp?.();
  return jobs / seconds;
}
