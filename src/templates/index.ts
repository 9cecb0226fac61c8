export type { CompiledTemplate, RenderInput, TemplateUser } from './compile.ts';
export { checkInline, InlineMessage, renderInline } from './inline.ts';
export { registerTemplateRoutes, type TemplateRouteDeps } from './routes.ts';
export { createTemplates, type Templates, templateKey, type WantedTemplate } from './templates.ts';
export { prepareTest } from './test-values.ts';
