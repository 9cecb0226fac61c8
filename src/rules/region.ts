import { Lru } from '../lib/lru.ts';

const known = new Lru<string | null>(1_000);

/** The country (ISO 3166-1 alpha-2) that a locale names, as `AT` in `de-AT`; null for `de` and for nonsense. Pure. */
export function regionOf(locale: string | null): string | null {
  if (locale === null) return null;
  const found = known.get(locale);
  if (found !== undefined) return found;
  const region = readRegion(locale.replaceAll('_', '-'));
  known.set(locale, region);
  return region;
}

function readRegion(tag: string): string | null {
  try {
    return new Intl.Locale(tag).region ?? null;
  } catch {
    return null;
  }
}
