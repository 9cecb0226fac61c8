import v8 from 'node:v8';
import vm from 'node:vm';

/** V8 collects everything, twice, half a minute after a process began; twice is its default. */
const REDUCER_ROUNDS = 2;
const REDUCER_HELD_MS = 45_000;

/**
 * Keeps V8 from collecting everything twice more, half a minute after the start: `releaseStartMemory` has done it by
 * then, and a quarter of a second of work for nothing is much for a process that rests. Later rounds, after load, stay.
 */
export function holdMemoryReducer(): void {
  v8.setFlagsFromString('--memory-reducer-gc-count=0');
  setTimeout(
    () => v8.setFlagsFromString(`--memory-reducer-gc-count=${REDUCER_ROUNDS}`),
    REDUCER_HELD_MS,
  ).unref();
}

/**
 * Gives back what loading and compiling the program left behind: V8 keeps a heap that grew until it is asked for more,
 * which an idle process never does. One full collection of some 40 ms halves the memory of a fresh process.
 */
export function releaseStartMemory(): void {
  v8.setFlagsFromString('--expose-gc');
  const collect: (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void =
    vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
