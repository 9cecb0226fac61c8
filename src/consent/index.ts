export { isChoosable } from './changes.ts';
export { createLinks, type Links, linkOrigin, type TenantLinks } from './links.ts';
export { type PageOptions, registerConsentPages } from './pages.ts';
export { type ConsentRouteOptions, registerConsentRoutes } from './routes.ts';
export { heedWishes, readWishes, type Wishes } from './wishes.ts';
