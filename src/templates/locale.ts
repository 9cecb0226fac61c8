/** Why a text is no locale tag as BCP 47 spells it, or null when it is one. */
export function checkLocale(tag: string): string | null {
  const spelled = canonical(tag);
  if (spelled === null) return 'must be a locale as BCP 47 spells it, such as "en" or "pt-BR"';
  return spelled === tag ? null : `must be spelled "${spelled}"`;
}

/**
 * The first of the available locales that fits: pt-BR, then pt, then the default (the look-up of RFC 4647, 3.4).
 * `wanted` comes from devices and user records, so "pt_br" is understood and nonsense means the default.
 */
export function pickLocale(
  available: Record<string, unknown>,
  wanted: string | null | undefined,
  fallback: string,
): string {
  for (const tag of [...shorten(wanted), ...shorten(fallback)]) {
    if (Object.hasOwn(available, tag)) return tag;
  }
  return fallback;
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
