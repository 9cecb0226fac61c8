export { createFlags, type Flags, type TenantFlags } from './flags.ts';
export { type FlagRouteOptions, registerFlagRoutes } from './routes.ts';
