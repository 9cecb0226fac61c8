import type { OutgoingHttpHeaders } from 'node:http';
import type { InjectOptions } from 'fastify';
import { createLinks, type Links, type Topic } from '../../src/consent/links.ts';
import { registerConsentPages } from '../../src/consent/pages.ts';
import { registerConsentRoutes } from '../../src/consent/routes.ts';
import type { Server } from '../../src/http/index.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { registerFrequencyRoutes } from '../../src/rules/frequency-routes.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerPreferenceRoutes,
  registerQuietRoutes,
} from '../../src/rules/index.ts';
import type { Store } from '../../src/store/index.ts';
import { makeMasterKeys } from '../../src/tenants/testing.ts';
import { registerUserRoutes } from '../../src/users/index.ts';
import { serveTwoTenants, type TwoTenants } from './two-tenants.ts';

const ORIGIN = 'https://bell.example';

export interface PageAnswer {
  status: number;
  body: string;
  headers: OutgoingHttpHeaders;
}

/** For tests: the API and the pages of two tenants. */
export interface Consent extends TwoTenants {
  app: Server;
  open(url: string, headers?: Record<string, string>, method?: 'GET' | 'HEAD'): Promise<PageAnswer>;
  post(url: string, form: URLSearchParams | string, type?: string): Promise<PageAnswer>;
  unsubscribeLink(externalId: string, topic: Topic): Promise<string>;
  linkOfOther(): Promise<string>;
  /** A token of the other tenant that claims to be of this one. */
  foreignToken(): Promise<string>;
}

export async function serveConsent(store: Store): Promise<Consent> {
  let app!: Server;
  let links!: Links;
  const api = await serveTwoTenants(store, (server, deps) => {
    app = server;
    const categories = createCategories(deps.clock);
    links = createLinks({ ...deps, masterKeys: makeMasterKeys(), origin: ORIGIN });
    registerUserRoutes(app, deps);
    registerCategoryRoutes(app, { ...deps, categories });
    registerPreferenceRoutes(app, deps);
    registerFrequencyRoutes(app, deps);
    registerQuietRoutes(app, { ...deps, rules: createRules(deps.clock) });
    registerConsentRoutes(app, { ...deps, links });
    const pages = { ...deps, categories, links, logger: silentLogger, failuresPerSecondPerAddress: 10 };
    void registerConsentPages(app, pages);
  });
  const inject = async (request: InjectOptions): Promise<PageAnswer> => {
    const { statusCode: status, body, headers } = await app.inject(request);
    return { status, body, headers };
  };
  const linksOf = async (tenantId: string) => (await links.forTenants([tenantId])).get(tenantId)!;
  return {
    ...api,
    app,
    open: (url, headers = {}, method = 'GET') => inject({ method, url: url.slice(ORIGIN.length), headers }),
    post: (url, form, type = 'application/x-www-form-urlencoded') =>
      inject({
        method: 'POST',
        url: url.slice(ORIGIN.length),
        headers: { 'content-type': type },
        payload: form.toString(),
      }),
    async unsubscribeLink(externalId, topic) {
      const { body } = await api.call('GET', `/v1/users/${externalId}`);
      return (await linksOf(api.tenantId)).unsubscribe({ id: body.id, live: true }, topic);
    },
    async linkOfOther() {
      await api.callAsOther('PUT', '/v1/users/bob', {});
      return (await api.callAsOther('GET', '/v1/users/bob/preference-link')).body.url;
    },
    async foreignToken() {
      const { body } = await api.call('GET', '/v1/users/ada');
      const topic: Topic = { category: 'offers', channel: 'email' };
      const link = (await linksOf(api.otherTenantId)).unsubscribe({ id: body.id, live: true }, topic);
      const bytes = Buffer.from(link.split('/').at(-1)!, 'base64url');
      Buffer.from(api.tenantId.replaceAll('-', ''), 'hex').copy(bytes, 2);
      return bytes.toString('base64url');
    },
  };
}
