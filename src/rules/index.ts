export type { CappedPlace, Place } from './cap.ts';
export {
  BUILT_IN,
  type Categories,
  categoriesFrom,
  createCategories,
  type TenantCategories,
} from './categories.ts';
export { type Category, DEFAULT_CATEGORY, type UnknownPolicy } from './category.ts';
export { type CategoryRouteOptions, registerCategoryRoutes } from './category-routes.ts';
export type { Hold } from './hold-store.ts';
export { holdPlaces, tidyCaps } from './holds.ts';
export type { Refusal } from './preference.ts';
export { registerPreferenceRoutes } from './preference-routes.ts';
export { registerQuietRoutes } from './quiet-routes.ts';
export { registerQuotaRoutes } from './quota-routes.ts';
export { reservePlaces } from './reserve.ts';
export { createRules, type RuleBook, type RuledUser, type Rules } from './rule-book.ts';
