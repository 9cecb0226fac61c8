import type { Templates } from '../../src/templates/index.ts';

/** Stands in for templates where only their being published matters. */
export function publishedTemplates(isPublished: (id: string) => boolean): Pick<Templates, 'refusal'> {
  return {
    refusal: async (_tenantId, { id }) =>
      isPublished(id) ? null : { field: '/id', rule: `names no published template ("${id}")` },
  };
}
