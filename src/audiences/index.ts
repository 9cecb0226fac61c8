export { registerTopicRoutes } from './topic-routes.ts';
