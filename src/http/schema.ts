import { type Static, type TObjectOptions, type TProperties, type TSchema, Type } from 'typebox';
import { invalidField } from './errors.ts';

/** An object that refuses fields it does not name. */
export function Exact<P extends TProperties>(properties: P, options: TObjectOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** One of a list of words. */
export function OneOf<const T extends readonly string[]>(words: T, options: { description?: string } = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...options });
}

/** An id chosen by the caller for a thing of his own (template, connection): it stands in URLs and logs. */
export const Slug = (description: string) =>
  Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$', description: `${description} (a-z, 0-9, - and _)` });

/** The caller's id of a user. */
export const ExternalId = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "The caller's id of the user",
});

export const Timestamp = Type.String({ format: 'date-time', maxLength: 40, description: 'RFC 3339' });

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Type.String({ maxLength: 512, description: '`nextCursor` of the page before' })),
};

/** A page of a list; `nextCursor` is null on the last one. */
export function Page<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) });
}

export interface PageOf<T> {
  items: T[];
  nextCursor: string | null;
}

/**
 * Cuts the rows of a keyset query that asked for `limit + 1` into a page. `key` is the sort key of the last row
 * shown; the next query starts behind it.
 */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  key: (row: Row) => string,
  render: (row: Row) => Item,
): PageOf<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last ? Buffer.from(key(last)).toString('base64url') : null;
  return { items: shown.map(render), nextCursor };
}

/** The key inside a cursor; null for the first page. `pattern` is what a key of this list looks like. */
export function parseCursor(cursor: string | undefined, pattern: RegExp): string | null {
  if (cursor === undefined) return null;
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!pattern.test(key)) throw invalidField('query/cursor', 'is not a cursor of this list');
  return key;
}

export const PROBLEM = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), rule: Type.String() }))),
  },
  { description: 'Problem details (RFC 9457)' },
);

/** The `response` part of a route's schema: the success by status, and problem details for everything else. */
export function responses<S extends Record<number, TSchema>>(success: S) {
  return { ...success, '4xx': PROBLEM, '5xx': PROBLEM };
}

export type { Static };
