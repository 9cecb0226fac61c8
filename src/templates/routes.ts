import { Type } from 'typebox';
import { type Credential, Problem, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Queryable, Store } from '../store/index.ts';
import type { Finding } from './finding.ts';
import { registerFragmentRoutes } from './fragment-routes.ts';
import { selectFragments } from './fragment-store.ts';
import { registerHistory } from './history.ts';
import { lintTemplate } from './lint.ts';
import { registerLint } from './lint-routes.ts';
import { loadVersion } from './load.ts';
import { MjmlCompiler } from './mjml.ts';
import { registerReading } from './reading.ts';
import { type Act, parseDefinition, publishVersion, refuse, rollBack, saveTemplate } from './save.ts';
import { LintedAnswer, PublishBody, SaveBody, SavedAnswer, TemplateParams } from './schema.ts';
import { registerSettings, selectTenantLocale } from './settings.ts';
import { archiveTemplate, type TemplateRef } from './store.ts';
import type { Templates } from './templates.ts';

export interface TemplateRouteDeps {
  store: Store;
  clock: Clock;
  templates: Templates;
  /** Names what would no longer work without the template: "the schedule weekly". Called inside the transaction. */
  usesOf(db: Queryable, template: TemplateRef): Promise<string[]>;
}

const tags = ['Templates'];
const config = { scope: 'templates:write' } as const;

export function registerTemplateRoutes(app: Server, deps: TemplateRouteDeps): void {
  registerSave(app, deps);
  registerPublish(app, deps);
  registerRollback(app, deps);
  registerArchive(app, deps);
  registerReading(app, deps.store);
  registerHistory(app, deps.store);
  registerLint(app, deps.store);
  registerFragmentRoutes(app, deps);
  registerSettings(app, deps);
}

function registerSave(app: Server, { store, clock, templates }: TemplateRouteDeps): void {
  const mjml = new MjmlCompiler();
  app.put(
    '/v1/templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Create a template or a new version of it',
        params: TemplateParams,
        body: SaveBody,
        response: responses({ 200: LintedAnswer }),
      },
    },
    async ({ credential, params: { id }, body }) => {
      const { tenantId } = credential;
      const { name, publish = true } = body;
      const definition = await parseDefinition(body, {
        tenantLocale: await store.scoped(tenantId, (db) => selectTenantLocale(db, tenantId)),
        lookUp: (ids) => store.scoped(tenantId, (db) => selectFragments(db, { tenantId, ids })),
        compileMjml: (source) => mjml.compile(source, tenantId),
      });
      const { findings } = await lintTemplate(definition);
      if (publish) refuseErrors(findings);
      const saved = await store.scoped(tenantId, (db) =>
        saveTemplate(db, { tenantId, id }, { name, definition, publish, act: actOf(credential, clock) }),
      );
      templates.forget(tenantId, id);
      return { id, ...saved, findings };
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
        response: responses({ 200: LintedAnswer }),
      },
    },
    async ({ credential, params: { id }, body: { version } }) => {
      const { tenantId } = credential;
      const { definition, publishedAt } = await loadVersion(store, { tenantId, id }, version);
      const { findings } = await lintTemplate(definition);
      // What was published once may always be published again: it is the way back.
      if (!publishedAt) refuseErrors(findings);
      const saved = await store.scoped(tenantId, (db) =>
        publishVersion(db, { tenantId, id }, { version, act: actOf(credential, clock) }),
      );
      templates.forget(tenantId, id);
      return { id, ...saved, findings };
    },
  );
}

function refuseErrors(findings: Finding[]): void {
  const errors = findings.filter(({ level }) => level === 'error');
  if (errors.length > 0) refuse(errors.map(({ field, message: rule }) => ({ field, rule })));
}

function registerRollback(app: Server, { store, clock, templates }: TemplateRouteDeps): void {
  app.post(
    '/v1/templates/:id/rollback',
    {
      config,
      schema: {
        tags,
        summary: 'Publish again what was published before',
        description: 'The newest version before the published one that ever was published takes its place.',
        params: TemplateParams,
        response: responses({ 200: SavedAnswer }),
      },
    },
    async ({ credential, params: { id } }) => {
      const { tenantId } = credential;
      const saved = await store.scoped(tenantId, (db) =>
        rollBack(db, { tenantId, id }, actOf(credential, clock)),
      );
      templates.forget(tenantId, id);
      return { id, ...saved };
    },
  );
}

function registerArchive(app: Server, { store, clock, templates, usesOf }: TemplateRouteDeps): void {
  app.delete(
    '/v1/templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Archive a template',
        description:
          'New notifications can no longer name it; those already accepted are still sent. Refused while a schedule ' +
          'that is not over names it.',
        params: TemplateParams,
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, params: { id } }, reply) => {
      await store.scoped(tenantId, async (db) => {
        const archived = await archiveTemplate(db, { tenantId, id, now: new Date(clock.now()) });
        if (!archived) throw new Problem('template.not_found');
        const uses = await usesOf(db, { tenantId, id });
        if (uses.length > 0) throw new Problem('template.in_use', `It is used by ${uses.join(', ')}`);
      });
      templates.forget(tenantId, id);
      return reply.code(204).send(null);
    },
  );
}

function actOf({ keyId }: Credential, clock: Clock): Act {
  return { by: keyId, now: new Date(clock.now()) };
}
