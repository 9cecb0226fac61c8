import type { Queryable } from '../store/index.ts';

const KEY = 'visits_key';

/** The key of tracked addresses as it is stored: sealed with a master key. */
export interface SealedKey {
  /** Of the master key. */
  id: string;
  /** base64 */
  sealed: string;
}

export async function selectKey(db: Queryable): Promise<SealedKey | null> {
  const { rows } = await db.query<{ value: SealedKey }>('select value from instance where key = $1', [KEY]);
  return rows[0]?.value ?? null;
}

/** Does nothing when another process was faster. */
export async function insertKey(db: Queryable, key: SealedKey): Promise<void> {
  await db.query('insert into instance (key, value) values ($1, $2) on conflict (key) do nothing', [
    KEY,
    key,
  ]);
}

/** Takes the place of `old`; does nothing when another process was faster. */
export async function replaceKey(db: Queryable, old: SealedKey, key: SealedKey): Promise<void> {
  await db.query(`update instance set value = $3 where key = $1 and value->>'sealed' = $2`, [
    KEY,
    old.sealed,
    key,
  ]);
}
