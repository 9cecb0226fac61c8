export type { RuleBook, Ruled, RuledUser } from './book.ts';
export type { CappedPlace, Place } from './cap.ts';
export { foreseeRefusals } from './cap-store.ts';
export {
  BUILT_IN,
  type Categories,
  categoriesFrom,
  createCategories,
  type TenantCategories,
} from './categories.ts';
export { type Category, DEFAULT_CATEGORY, inLocale, type UnknownPolicy } from './category.ts';
export { type CategoryRouteOptions, registerCategoryRoutes } from './category-routes.ts';
export { DeliveryWindow, leavesTime, turnIn } from './delivery-window.ts';
export {
  checkWindow,
  closesAt,
  closesBy,
  type Digest,
  DigestRequest,
  type DigestRule,
  type DigestWindow,
  digestOf,
  MAX_DIGEST_SECONDS,
  MAX_KEY_LENGTH,
} from './digest.ts';
export { FREQUENCIES, type Frequency, type FrequencyName } from './frequency.ts';
export {
  type FrequencyChange,
  type FrequencyRow,
  saveFrequencies,
  selectFrequencies,
} from './frequency-store.ts';
export type { Hold } from './hold-store.ts';
export { holdPlaces, tidyCaps } from './holds.ts';
export { ALL, CHOICES, type Choice, type Preference, type Refusal, refusalOf } from './preference.ts';
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
export { registerQuotaRoutes } from './quota-routes.ts';
export { reservePlaces } from './reserve.ts';
export { type RuleRouteOptions, registerRuleRoutes } from './routes.ts';
export { createRules, type Rules, type SegmentsOf } from './rule-book.ts';
