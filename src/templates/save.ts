import { createHash } from 'node:crypto';
import type { Static } from 'typebox';
import { Problem } from '../http/index.ts';
import { canonicalJson, unstorable } from '../lib/text.ts';
import type { Queryable } from '../store/index.ts';
import { checkDefinition } from './compile.ts';
import type { Definition } from './definition.ts';
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

/** The definition in a request; a 422 names everything that is wrong with it. */
export function parseDefinition(body: Static<typeof SaveBody>): Definition {
  const { name, defaultLocale = 'en', variables = {}, channels } = body;
  const definition = { defaultLocale, variables, channels };
  const refused = unstorable({ name, ...definition });
  const errors = refused ? [{ field: refused.path, rule: refused.why }] : checkDefinition(definition);
  if (errors[0]) throw new Problem('template.invalid', `${errors[0].field} ${errors[0].rule}`, { errors });
  return definition;
}

/** Stores a definition as the next version, unless the latest one says the same, and publishes it if asked to. */
export async function saveTemplate(
  db: Queryable,
  ref: TemplateRef,
  input: { name: string | undefined; definition: Definition; publish: boolean; now: Date },
): Promise<Saved> {
  const { name, definition, publish, now } = input;
  const hash = createHash('sha256').update(canonicalJson(definition)).digest('hex');
  const { latestVersion, publishedVersion } = await claimTemplate(db, { ...ref, name, now });
  const isNew = (await selectHash(db, { ...ref, version: latestVersion })) !== hash;
  const version = isNew ? latestVersion + 1 : latestVersion;
  const nowPublished = publish ? version : publishedVersion;
  if (isNew) await insertVersion(db, { ...ref, version, definition, hash, now });
  if (nowPublished !== publishedVersion) await markPublished(db, { ...ref, version, now });
  if (isNew || nowPublished !== publishedVersion) {
    await updateTemplate(db, { ...ref, latestVersion: version, publishedVersion: nowPublished, now });
  }
  return { version, publishedVersion: nowPublished };
}

/** Publishes a version that exists: forward, or back to an earlier one. */
export async function publishVersion(
  db: Queryable,
  ref: TemplateRef,
  { version, now }: { version: number; now: Date },
): Promise<Saved> {
  const template = await lockTemplate(db, ref);
  if (!template) throw new Problem('template.not_found');
  const { latestVersion, publishedVersion } = template;
  if (publishedVersion === version) return { version, publishedVersion };
  if (!(await markPublished(db, { ...ref, version, now }))) throw new Problem('template.version_not_found');
  await updateTemplate(db, { ...ref, latestVersion, publishedVersion: version, now });
  return { version, publishedVersion: version };
}
