export { isChoosable } from './changes.ts';
export { renderFailure } from './failure-page.ts';
export { createLinks, type Links, linkOrigin, type TenantLinks } from './links.ts';
export { type PageOptions, registerConsentPages } from './pages.ts';
export { type ConsentRouteOptions, registerConsentRoutes } from './routes.ts';
export { type HeardWishes, heedWishes, readWishes, type Wishes } from './wishes.ts';
