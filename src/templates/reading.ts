import {
  Exact,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { measureSms } from '../lib/sms-segments.ts';
import type { Store } from '../store/index.ts';
import { compileTemplate } from './compile.ts';
import { loadTemplate, loadVersion } from './load.ts';
import { measurePush } from './push-size.ts';
import { sampleOf } from './sample.ts';
import {
  FullVersion,
  PreviewAnswer,
  PreviewBody,
  showFullVersion,
  showTemplate,
  TemplateAnswer,
  TemplateParams,
  TemplateSummary,
  VersionParams,
} from './schema.ts';
import { selectTemplates } from './store.ts';

const tags = ['Templates'];
const config = { scope: 'templates:read' } as const;
const ID_CURSOR = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The routes that change nothing. */
export function registerReading(app: Server, store: Store): void {
  registerList(app, store);
  registerRead(app, store);
  registerVersion(app, store);
  registerPreview(app, store);
}

function registerList(app: Server, store: Store): void {
  app.get(
    '/v1/templates',
    {
      config,
      schema: {
        tags,
        summary: 'List templates by id',
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(TemplateSummary) }),
      },
    },
    async ({ credential: { tenantId }, query: { limit = 20, cursor } }) => {
      const after = parseCursor(cursor, ID_CURSOR);
      const rows = await store.scoped(tenantId, (db) =>
        selectTemplates(db, { tenantId, after, limit: limit + 1 }),
      );
      return toPage(rows, limit, (row) => row.id, showTemplate);
    },
  );
}

function registerRead(app: Server, store: Store): void {
  app.get(
    '/v1/templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Read a template with its published and its latest version',
        params: TemplateParams,
        response: responses({ 200: TemplateAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id } }) => {
      const { template, versions } = await loadTemplate(store, { tenantId, id });
      const published = versions.find(({ version }) => version === template.publishedVersion);
      const latest = versions.find(({ version }) => version === template.latestVersion)!;
      return {
        ...showTemplate(template),
        published: published ? showFullVersion(published) : null,
        latest: showFullVersion(latest),
      };
    },
  );
}

function registerVersion(app: Server, store: Store): void {
  app.get(
    '/v1/templates/:id/versions/:version',
    {
      config,
      schema: {
        tags,
        summary: 'Read one version of a template',
        params: VersionParams,
        response: responses({ 200: FullVersion }),
      },
    },
    async ({ credential: { tenantId }, params: { id, version } }) => {
      const { versions } = await loadTemplate(store, { tenantId, id }, version);
      return showFullVersion(versions[0]!);
    },
  );
}

function registerPreview(app: Server, store: Store): void {
  app.post(
    '/v1/templates/:id/preview',
    {
      config,
      schema: {
        tags,
        summary: 'Render a template without sending anything',
        params: TemplateParams,
        body: PreviewBody,
        response: responses({ 200: PreviewAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body }) => {
      const { channel, platform, locale, sample = false, user } = body;
      const { version, definition } = await loadVersion(store, { tenantId, id }, body.version);
      const rendered = compileTemplate(id, version, definition).render(channel, {
        locale,
        platform,
        variables: { ...(sample && sampleOf(definition.variables)), ...body.variables },
        user: { id: 'preview', attributes: {}, ...user },
      });
      if ('problem' in rendered) throw new Problem('request.unprocessable', rendered.problem);
      const { content } = rendered;
      return {
        version,
        content,
        ...(channel === 'sms' && { sms: measureSms(content.body ?? '') }),
        ...(channel === 'push' && platform && { push: measurePush(content, platform) }),
      };
    },
  );
}
