import type { LoopWatch } from '../telemetry/index.ts';
import { RouteLoop, type RouteLoopOptions } from './route-loop.ts';
import { Router, type RouterOptions } from './router.ts';

export type RoutingOptions = RouterOptions & Pick<RouteLoopOptions, 'wake'> & { watch: LoopWatch };

/** Routes what is accepted until the returned function is called; it waits for the batches under way. */
export function startRouting(options: RoutingOptions): () => Promise<unknown> {
  const { store, clock, wake, logger, watch } = options;
  const router = new Router(options);
  const start = (name: string, lines: Pick<RouteLoopOptions, 'db' | 'priorities'>) => {
    const loop = new RouteLoop(router, {
      ...lines,
      clock,
      wake,
      logger,
      gatherMs: store.gatherMs,
      beat: watch.watch(name),
    });
    loop.start();
    return loop;
  };
  // With connections of its own, high priority never waits for a batch of the others; embedded there is only one.
  const loops =
    store.kind === 'embedded'
      ? [start('router', { db: store.engine })]
      : [
          start('router high', { db: store.engineHigh, priorities: [0] }),
          start('router', { db: store.engine, priorities: [1, 2] }),
        ];
  return () => Promise.all(loops.map((loop) => loop.stop()));
}
