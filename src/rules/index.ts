export {
  BUILT_IN,
  type Categories,
  categoriesFrom,
  createCategories,
  type TenantCategories,
} from './categories.ts';
export { type Category, DEFAULT_CATEGORY, type UnknownPolicy } from './category.ts';
export { type CategoryRouteOptions, registerCategoryRoutes } from './category-routes.ts';
