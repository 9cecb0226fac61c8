import type { Content } from '../providers/index.ts';
import { type Claimed, sealedMark, sealedPlace } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Seals } from '../tenants/index.ts';

/** By name, in clear: they live no longer than the attempt. */
export type SealedValues = Readonly<Record<string, string>>;

/** Opens what deliveries carry sealed, by their ids, in at most one statement; none when nothing is sealed. */
export async function openSealed(
  db: Queryable,
  seals: Pick<Seals, 'open'> | undefined,
  deliveries: readonly Claimed[],
): Promise<Map<string, SealedValues>> {
  const carrying = deliveries.filter(({ request }) => request.sealed !== undefined);
  if (!seals || carrying.length === 0) return new Map();
  const opened = await seals.open(
    db,
    carrying.map((claimed) => ({ place: sealedPlace(claimed), sealed: claimed.request.sealed })),
  );
  return new Map(carrying.flatMap(({ id }, i) => (opened[i] ? [[id, opened[i]]] : [])));
}

/** The content with the values in place of their marks, wherever they stand. Pure. */
export function fillSealed(content: Content, values: SealedValues): Content {
  return replaceIn(content, (text) => {
    let filled = text;
    for (const [name, value] of Object.entries(values))
      filled = filled.replaceAll(sealedMark(name), () => value);
    return filled;
  }) as Content;
}

/** A text without the values: vendors repeat in their answers what they were sent. Pure. */
export function hideSealed(text: string, values: SealedValues | null | undefined): string {
  return Object.values(values ?? {}).reduce((shown, value) => shown.replaceAll(value, '***'), text);
}

function replaceIn(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((each) => replaceIn(each, replace));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaceIn(inner, replace)]));
}
