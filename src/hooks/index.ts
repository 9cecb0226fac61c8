export type { HookTransport } from './call.ts';
export type { Ending } from './event.ts';
export { createHooks, type Hooks, type HooksOptions, type TenantHooks } from './hooks.ts';
export { type HooksModule, HooksModuleError, loadHooksModule } from './module.ts';
export type { HookNote, Ruling } from './pre-send.ts';
export { type HookRouteOptions, registerHookRoutes } from './routes.ts';
