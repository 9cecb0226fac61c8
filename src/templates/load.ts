import { Problem } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import {
  type FullVersionRow,
  selectFullVersions,
  selectTemplate,
  type TemplateRef,
  type TemplateRow,
} from './store.ts';

/** The template with one version, or with its published and its latest one. */
export async function loadTemplate(
  store: Store,
  ref: TemplateRef,
  version?: number,
): Promise<{ template: TemplateRow; versions: FullVersionRow[] }> {
  return store.scoped(ref.tenantId, async (db) => {
    const template = await selectTemplate(db, ref);
    if (!template) throw new Problem('template.not_found');
    const wanted = version
      ? [version]
      : [template.publishedVersion ?? template.latestVersion, template.latestVersion];
    const versions = await selectFullVersions(db, { ...ref, versions: wanted });
    if (versions.length === 0) throw new Problem('template.version_not_found');
    return { template, versions };
  });
}

/** One version: the wanted one, else the published one, else the latest. */
export async function loadVersion(
  store: Store,
  ref: TemplateRef,
  wanted: number | undefined,
): Promise<FullVersionRow> {
  const { template, versions } = await loadTemplate(store, ref, wanted);
  const version = wanted ?? template.publishedVersion ?? template.latestVersion;
  return versions.find((row) => row.version === version)!;
}
