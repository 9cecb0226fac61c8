import type pg from 'pg';

/**
 * Takes a client out of the pool for `work`, and throws it away when its connection broke. A connection that breaks
 * between two statements says so by an event, and the pool does not listen while a client is out: unheard, it would end
 * the process. `work` may say itself, by `discard`, that the client is not to be used again.
 */
export async function withClient<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient, discard: (why: Error) => void) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const discard = (why: Error) => {
    broken = why;
  };
  client.on('error', discard);
  try {
    return await work(client, discard);
  } finally {
    client.off('error', discard);
    client.release(broken);
  }
}
