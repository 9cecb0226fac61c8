import { randomBytes } from 'node:crypto';
import { seal, unseal } from '../lib/envelope.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import type { MasterKey, MasterKeys } from '../tenants/index.ts';
import { insertKey, replaceKey, type SealedKey, selectKey } from './key-store.ts';

const KEY_BYTES = 32;

export interface VisitsKeyOptions {
  store: Pick<Store, 'engine'>;
  masterKeys: MasterKeys;
  logger: Logger;
}

/**
 * The key that signs the tracked addresses of this installation, made at its first start. One for all tenants, each of
 * whom stands in what is signed: so a process that knows it needs no database to tell where a link leads, and mails of
 * last year still work after the master key was exchanged.
 */
export async function loadVisitsKey({ store, masterKeys, logger }: VisitsKeyOptions): Promise<Buffer> {
  const { current } = masterKeys;
  if (!(await selectKey(store.engine))) await insertKey(store.engine, wrap(randomBytes(KEY_BYTES), current));
  const stored = (await selectKey(store.engine))!;
  const key = unwrap(stored, masterKeys);
  if (key && stored.id === current.id) return key;
  if (!key)
    logger.warn(
      { masterKey: stored.id },
      'links in earlier mails end: the master key of their key is not known',
    );
  await replaceKey(store.engine, stored, wrap(key ?? randomBytes(KEY_BYTES), current));
  const replaced = unwrap((await selectKey(store.engine))!, masterKeys);
  if (!replaced)
    throw new Error('another process, with another master key, replaced the key of tracked links');
  return replaced;
}

function wrap(key: Buffer, { id, key: masterKey }: MasterKey): SealedKey {
  return { id, sealed: seal(masterKey, key, contextOf(id)).toString('base64') };
}

function unwrap({ id, sealed }: SealedKey, { current, previous }: MasterKeys): Buffer | null {
  const masterKey = [current, ...previous].find((known) => known.id === id);
  return masterKey ? unseal(masterKey.key, Buffer.from(sealed, 'base64'), contextOf(id)) : null;
}

function contextOf(id: string): string[] {
  return ['bellhop visits key', id];
}
