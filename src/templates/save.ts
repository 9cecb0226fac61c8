import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import { type FieldProblem, Problem } from '../http/index.ts';
import { canonicalJson, unstorable } from '../lib/text.ts';
import type { Queryable } from '../store/index.ts';
import { checkDefinition } from './compile.ts';
import type { Definition } from './definition.ts';
import { writeEmailHtml } from './email-html.ts';
import { type LookUpFragments, pinFragments } from './fragments.ts';
import type { MjmlAnswer } from './mjml.ts';
import { insertPublication, selectPublishedBefore } from './publication-store.ts';
import type { SaveBody } from './schema.ts';
import {
  claimTemplate,
  insertVersion,
  lockTemplate,
  markPublished,
  selectHash,
  type TemplateRef,
  updateTemplate,
} from './store.ts';

export interface Saved {
  version: number;
  publishedVersion: number | null;
}

/** What a definition is read with. */
export interface Surroundings {
  /** The default of the tenant. */
  tenantLocale: string | null;
  lookUp: LookUpFragments;
  compileMjml(source: string): Promise<MjmlAnswer>;
}

/**
 * The definition in a request, with the fragments it puts in as they are now; a 422 names everything that is wrong
 * with it. Pinned when it is saved and not when it is published: what was tried out is what is sent.
 */
export async function parseDefinition(
  body: Static<typeof SaveBody>,
  { tenantLocale, lookUp, compileMjml }: Surroundings,
): Promise<Definition> {
  const { name, defaultLocale = tenantLocale ?? 'en', variables = {}, channels } = body;
  const definition: Definition = { defaultLocale, variables, channels };
  if (tenantLocale !== null && tenantLocale !== defaultLocale) definition.tenantLocale = tenantLocale;
  const refused = unstorable({ name, ...definition });
  if (refused) refuse([{ field: refused.path, rule: refused.why }]);
  const pinned = await pinFragments(definition, lookUp);
  if ('problem' in pinned) refuse([{ field: '/channels', rule: pinned.problem }]);
  // Absent without any, so that the hash of what was saved before there were fragments is the same.
  if (Object.keys(pinned.fragments).length > 0) definition.fragments = pinned.fragments;
  const unwritten = await writeEmailHtml(definition, compileMjml);
  const errors = unwritten.length > 0 ? unwritten : checkDefinition(definition);
  if (errors.length > 0) refuse(errors);
  return definition;
}

export function refuse(errors: FieldProblem[]): never {
  const { field, rule } = errors[0]!;
  throw new Problem('template.invalid', `${field} ${rule}`, { errors });
}

/** Who acts, and when: what is kept of every change. */
export interface Act {
  /** The id of the API key. */
  by: string;
  now: Date;
}

/** Stores a definition as the next version, unless the latest one says the same, and publishes it if asked to. */
export async function saveTemplate(
  db: Queryable,
  ref: TemplateRef,
  input: { name: string | undefined; definition: Definition; publish: boolean; act: Act },
): Promise<Saved> {
  const { name, definition, publish, act } = input;
  const { now, by: createdBy } = act;
  const hash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
  const { latestVersion, publishedVersion } = await claimTemplate(db, { ...ref, name, now });
  const isNew = (await selectHash(db, { ...ref, version: latestVersion })) !== hash;
  const version = isNew ? latestVersion + 1 : latestVersion;
  const nowPublished = publish ? version : publishedVersion;
  if (isNew) await insertVersion(db, { ...ref, version, definition, hash, createdBy, now });
  if (nowPublished !== publishedVersion) await recordPublication(db, ref, { version, publishedVersion, act });
  if (isNew || nowPublished !== publishedVersion) {
    await updateTemplate(db, { ...ref, latestVersion: version, publishedVersion: nowPublished, now });
  }
  return { version, publishedVersion: nowPublished };
}

/** Publishes a version that exists: forward, or back to an earlier one. */
export async function publishVersion(
  db: Queryable,
  ref: TemplateRef,
  { version, act }: { version: number; act: Act },
): Promise<Saved> {
  const template = await lockTemplate(db, ref);
  if (!template) throw new Problem('template.not_found');
  const { latestVersion, publishedVersion } = template;
  if (publishedVersion === version) return { version, publishedVersion };
  await recordPublication(db, ref, { version, publishedVersion, act });
  await updateTemplate(db, { ...ref, latestVersion, publishedVersion: version, now: act.now });
  return { version, publishedVersion: version };
}

/** Publishes again the newest version before the published one that ever was. */
export async function rollBack(db: Queryable, ref: TemplateRef, act: Act): Promise<Saved> {
  const template = await lockTemplate(db, ref);
  if (!template) throw new Problem('template.not_found');
  const version = await selectPublishedBefore(db, { ...ref, version: template.publishedVersion ?? 0 });
  if (version === null) throw new Problem('template.nothing_to_roll_back');
  return publishVersion(db, ref, { version, act });
}

async function recordPublication(
  db: Queryable,
  ref: TemplateRef,
  { version, publishedVersion, act }: { version: number; publishedVersion: number | null; act: Act },
): Promise<void> {
  const { by: publishedBy, now } = act;
  const kind = publishedVersion !== null && version < publishedVersion ? 'rollback' : 'publish';
  if (!(await markPublished(db, { ...ref, version, now }))) throw new Problem('template.version_not_found');
  await insertPublication(db, { ...ref, version, kind, publishedBy, publishedAt: now });
}
