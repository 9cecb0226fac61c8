export {
  BUILT_IN,
  type Categories,
  categoriesFrom,
  createCategories,
  type TenantCategories,
} from './categories.ts';
export { type Category, DEFAULT_CATEGORY, type UnknownPolicy } from './category.ts';
export { type CategoryRouteOptions, registerCategoryRoutes } from './category-routes.ts';
export { ALL, type Choice, type Preference, type Refusal, refusalOf } from './preference.ts';
export { registerPreferenceRoutes } from './preference-routes.ts';
export {
  askToConfirm,
  confirmPreference,
  type PreferenceChange,
  type PreferenceRow,
  savePreferences,
  selectPreferences,
} from './preference-store.ts';
export { registerQuietRoutes } from './quiet-routes.ts';
export { createRules, type RuleBook, type RuledUser, type Rules } from './rule-book.ts';
