import { responses, type Server } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { lintTemplate } from './lint.ts';
import { loadVersion } from './load.ts';
import { LintAnswer, LintBody, TemplateParams } from './schema.ts';

const MICRO = 1_000_000;

export function registerLint(app: Server, store: Store): void {
  app.post(
    '/v1/templates/:id/lint',
    {
      config: { scope: 'templates:read' },
      schema: {
        tags: ['Templates'],
        summary: 'Look for mistakes in a template',
        description:
          'Renders every channel, locale and platform with sample values. Nothing is sent. The same is done before a ' +
          'version is published: errors refuse it, warnings are answered.',
        params: TemplateParams,
        body: LintBody,
        response: responses({ 200: LintAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body }) => {
      const { version: wanted, pricePerSegment, ...options } = body;
      const { version, definition } = await loadVersion(store, { tenantId, id }, wanted);
      const { findings, sms, push } = await lintTemplate(definition, options);
      const priced = sms.map((size) => ({
        ...size,
        ...(pricePerSegment !== undefined && {
          cost: Math.round(size.segments * pricePerSegment * MICRO) / MICRO,
        }),
      }));
      return { version, findings, sms: priced, push };
    },
  );
}
