export { DigestLoop, type DigestLoopOptions } from './digest-loop.ts';
