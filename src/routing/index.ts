export { loadRoutingBacklog, type RoutingBacklog } from './backlog.ts';
export { type Standings, TEST_PREFIX } from './candidates.ts';
export { type Choosable, type Chosen, choose, type Standing } from './choose.ts';
export { type Page, routePage } from './page.ts';
export { insertPostponed } from './postponed-store.ts';
export { RouteLoop } from './route-loop.ts';
export { Router, type RouterOptions } from './router.ts';
export { type RoutingOptions, startRouting } from './start-routing.ts';
export { type DeliveryRow, insertDeliveries } from './store.ts';
