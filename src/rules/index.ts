export { type Category, categoryOf, DEFAULT_CATEGORY } from './categories.ts';
