import type { LeftOut, LeftOutReason } from '../ledger/index.ts';
import { parsePhoneNumber } from '../lib/phone-number.ts';
import type { Countries } from '../tenants/index.ts';

/** How a connection is doing, as far as choosing depends on it. */
export interface Standing {
  /** The share of the traffic it may get: 0 while its breaker is open, 1 when all is well. */
  share: number;
  /** Its breaker is open, but its break is over: one message may try whether it works again. */
  probe: boolean;
  why: Exclude<LeftOutReason, 'country_not_served'> | null;
}

export interface Choosable {
  id: string;
  priority: number;
  /** Share among candidates of equal priority; 0 takes none as long as another has some. */
  weight: number;
  countries: Countries | null;
  /** Null is as good as healthy: nothing is known against it. */
  standing: Standing | null;
}

export interface Chosen<C> {
  chosen: C | undefined;
  /** What stood in front of the chosen one and was passed over. */
  leftOut: LeftOut[];
  /** All candidates were in trouble: the first of them was taken all the same. */
  noneHealthy: boolean;
}

/**
 * The lowest priority number wins; among equals the lot decides by weight. Left out are connections that do not serve
 * the recipient's country, and those in trouble as long as another one can take over. Pure: the same lot gets the
 * same choice.
 */
export function choose<C extends Choosable>(
  candidates: C[],
  by: { lot: number; phone: string | null },
): Chosen<C> {
  if (candidates.every(isPlain)) return { chosen: pick(candidates, by.lot), leftOut: [], noneHealthy: false };
  const isLimited = by.phone !== null && candidates.some(({ countries }) => countries !== null);
  const country = isLimited ? countryOf(by.phone!) : null;
  const served = isLimited ? candidates.filter(({ countries }) => serves(countries, country)) : candidates;
  const admitted = served.filter(({ standing }) => admits(standing, by.lot));
  const noneHealthy = served.length > 0 && admitted.length === 0;
  const chosen = pick(noneHealthy ? served : admitted, by.lot);
  const leftOut = candidates.flatMap((candidate): LeftOut[] => {
    if (candidate === chosen || (chosen && candidate.priority > chosen.priority)) return [];
    if (!served.includes(candidate)) return [{ connection: candidate.id, why: 'country_not_served' }];
    const { standing } = candidate;
    return standing?.why && !standing.probe ? [{ connection: candidate.id, why: standing.why }] : [];
  });
  return { chosen, leftOut, noneHealthy };
}

function isPlain({ countries, standing }: Choosable): boolean {
  return countries === null && (standing === null || standing.why === null);
}

function serves(countries: Countries | null, country: string | null): boolean {
  if (!countries) return true;
  if (countries.allow) return country !== null && countries.allow.includes(country);
  return country === null || !countries.deny?.includes(country);
}

/** Null for numbers of no country (satellite phones, +800). */
function countryOf(phone: string): string | null {
  return parsePhoneNumber(phone)?.country ?? null;
}

function admits(standing: Standing | null, lot: number): boolean {
  if (!standing || standing.probe || standing.why === 'degraded') return true;
  return standing.share >= 1 || secondLot(lot) < standing.share;
}

/** Another number in [0, 1) of the same notification, so that the share does not follow the weights. */
function secondLot(lot: number): number {
  return (lot * 7_919) % 1;
}

function pick<C extends Choosable>(candidates: C[], lot: number): C | undefined {
  const first = Math.min(...candidates.map(({ priority }) => priority));
  const equals = candidates
    .filter(({ priority }) => priority === first)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  let left = lot * equals.reduce((sum, candidate) => sum + weightOf(candidate), 0);
  for (const candidate of equals) {
    left -= weightOf(candidate);
    if (left < 0) return candidate;
  }
  return equals[0];
}

function weightOf({ weight, standing }: Choosable): number {
  return standing?.why === 'degraded' ? weight * standing.share : weight;
}
