import { Type } from 'typebox';
import { Problem, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { registerReading } from './reading.ts';
import { parseDefinition, publishVersion, saveTemplate } from './save.ts';
import { PublishBody, SaveBody, SavedAnswer, TemplateParams } from './schema.ts';
import { archiveTemplate } from './store.ts';
import type { Templates } from './templates.ts';

export interface TemplateRouteDeps {
  store: Store;
  clock: Clock;
  templates: Templates;
}

const tags = ['Templates'];
const config = { scope: 'templates:write' } as const;

export function registerTemplateRoutes(app: Server, deps: TemplateRouteDeps): void {
  registerSave(app, deps);
  registerPublish(app, deps);
  registerArchive(app, deps);
  registerReading(app, deps.store);
}

function registerSave(app: Server, { store, clock, templates }: TemplateRouteDeps): void {
  app.put(
    '/v1/templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Create a template or a new version of it',
        params: TemplateParams,
        body: SaveBody,
        response: responses({ 200: SavedAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body }) => {
      const { name, publish = true } = body;
      const definition = parseDefinition(body);
      const saved = await store.scoped(tenantId, (db) =>
        saveTemplate(db, { tenantId, id }, { name, definition, publish, now: new Date(clock.now()) }),
      );
      templates.forget(tenantId, id);
      return { id, ...saved };
    },
  );
}

function registerPublish(app: Server, { store, clock, templates }: TemplateRouteDeps): void {
  app.post(
    '/v1/templates/:id/publish',
    {
      config,
      schema: {
        tags,
        summary: 'Publish a version, or go back to an earlier one',
        params: TemplateParams,
        body: PublishBody,
        response: responses({ 200: SavedAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, body: { version } }) => {
      const saved = await store.scoped(tenantId, (db) =>
        publishVersion(db, { tenantId, id }, { version, now: new Date(clock.now()) }),
      );
      templates.forget(tenantId, id);
      return { id, ...saved };
    },
  );
}

function registerArchive(app: Server, { store, clock, templates }: TemplateRouteDeps): void {
  app.delete(
    '/v1/templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Archive a template',
        description: 'New notifications can no longer name it; those already accepted are still sent.',
        params: TemplateParams,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { id } }, reply) => {
      const archived = await store.scoped(tenantId, (db) =>
        archiveTemplate(db, { tenantId, id, now: new Date(clock.now()) }),
      );
      if (!archived) throw new Problem('template.not_found');
      templates.forget(tenantId, id);
      return reply.code(204).send(null);
    },
  );
}
