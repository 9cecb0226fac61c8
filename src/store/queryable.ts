import type pg from 'pg';

/** What a statement needs: a pool, or one client inside a transaction. */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows are typed where the statement is written
  query<R extends pg.QueryResultRow = any>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
  // biome-ignore lint/suspicious/noExplicitAny: rows are typed where the statement is written
  query<R extends pg.QueryResultRow = any>(statement: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}
