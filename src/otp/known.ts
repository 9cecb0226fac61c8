import { Problem } from '../http/index.ts';
import type { TenantCategories } from '../rules/index.ts';
import { variablesFor } from './message.ts';
import type { OtpSettings } from './settings.ts';
import { loadSettings } from './settings-store.ts';
import type { Asked } from './store.ts';
import type { OtpTools } from './tools.ts';
import type { Whose } from './whose.ts';

/** What is looked up before the transaction, over connections of its own. */
export interface Known {
  settings: OtpSettings;
  categories: TenantCategories;
  asked: Asked;
}

export async function loadKnown(
  { store, categories, templates }: Pick<OtpTools, 'store' | 'categories' | 'templates'>,
  { tenantId }: Whose,
  ask: (settings: OtpSettings) => Asked,
): Promise<Known> {
  const settings = await store.scoped(tenantId, (db) => loadSettings(db, tenantId));
  const asked = ask(settings);
  const { template } = settings;
  const refused =
    template &&
    (await templates.refusal(tenantId, { id: template, variables: variablesFor(asked, settings) }));
  if (refused) {
    const why = `The template "${template}" of the settings can not be used: ${refused.field} ${refused.rule}`;
    throw new Problem('request.unprocessable', why);
  }
  return { settings, asked, categories: await categories.forTenant(store.api, tenantId) };
}
