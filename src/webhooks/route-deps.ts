import { Type } from 'typebox';
import { Problem, Slug } from '../http/index.ts';
import type { Wake } from '../queue/index.ts';
import type { WebhookTransport } from './call.ts';
import type { ChangeOptions } from './changes.ts';
import { type EndpointRow, findEndpoint } from './endpoint-store.ts';

export interface WebhookRouteOptions extends ChangeOptions {
  wake: Pick<Wake, 'signal'>;
  /** For test calls. */
  transport: WebhookTransport;
}

export const EndpointPath = Type.Object({ id: Slug('Your id of the endpoint') });
export const about = (summary: string, description?: string) => ({
  tags: ['Webhooks'],
  summary,
  description,
});
export const read = { scope: 'webhooks:read' } as const;
export const write = { scope: 'webhooks:write' } as const;

export async function loadEndpoint(
  { store }: Pick<WebhookRouteOptions, 'store'>,
  tenantId: string,
  id: string,
): Promise<EndpointRow> {
  const row = await store.scoped(tenantId, (db) => findEndpoint(db, tenantId, id));
  if (!row) throw new Problem('webhook.not_found');
  return row;
}
