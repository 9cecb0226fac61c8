/** Why a text is no locale tag as BCP 47 spells it, or null when it is one. */
export function checkLocale(tag: string): string | null {
  const spelled = canonical(tag);
  if (spelled === null) return 'must be a locale as BCP 47 spells it, such as "en" or "pt-BR"';
  return spelled === tag ? null : `must be spelled "${spelled}"`;
}

/**
 * The first of the available locales that fits: pt-BR, then pt, then the defaults (the look-up of RFC 4647, 3.4). When
 * none is available, the first default.
 * `wanted` comes from devices and user records, so "pt_br" is understood and nonsense means the default.
 */
export function pickLocale(
  available: Record<string, unknown>,
  wanted: string | null | undefined,
  ...defaults: [string, ...string[]]
): string {
  for (const tag of [wanted, ...defaults].flatMap(shorten)) {
    if (Object.hasOwn(available, tag)) return tag;
  }
  return defaults[0];
}

function shorten(wanted: string | null | undefined): string[] {
  let tag = wanted ? canonical(wanted.replaceAll('_', '-')) : null;
  const tags: string[] = [];
  while (tag) {
    tags.push(tag);
    // A single letter opens an extension and means nothing at the end.
    tag = tag.replace(/(?:^|-)[^-]+$/, '').replace(/-[^-]$/, '');
  }
  return tags;
}

function canonical(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch {
    return null;
  }
}

/** What is said to those whose language is missing: in the default of the template, else in that of the tenant. */
export function defaultsOf({
  defaultLocale,
  tenantLocale,
}: {
  defaultLocale: string;
  tenantLocale?: string;
}): [string, ...string[]] {
  return tenantLocale === undefined ? [defaultLocale] : [defaultLocale, tenantLocale];
}
