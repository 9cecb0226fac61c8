export { DigestLoop, type DigestLoopOptions } from './digest-loop.ts';
export { registerDigestRoutes } from './routes.ts';
