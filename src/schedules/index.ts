export { registerScheduleRoutes, type ScheduleRouteOptions } from './routes.ts';
export { ScheduleLoop, type ScheduleLoopOptions } from './schedule-loop.ts';
export { schedulesUsing } from './store.ts';
