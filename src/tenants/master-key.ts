import { hash, randomBytes, scryptSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_BYTES } from '../lib/envelope.ts';
import type { Store } from '../store/index.ts';
import { selectMasterKeyIds } from './data-key-store.ts';

/** A key-encryption key: it wraps the data keys of tenants and is never in the database. */
export interface MasterKey {
  /** The first 8 hex digits of the key's SHA-256: stored beside what it wrapped. */
  id: string;
  key: Buffer;
}

/** `current` wraps what is new; the previous ones only open what they wrapped. */
export interface MasterKeys {
  current: MasterKey;
  previous: MasterKey[];
}

export interface MasterKeyOptions {
  store: Store;
  /** The setting BELLHOP_MASTER_KEY, if given. */
  value?: string;
  previousValues?: string[];
  /** Holds `master.key` when there is no setting. */
  dataDir?: string;
}

const FILE = 'master.key';
const BASE64_KEY = /^[A-Za-z0-9+/_-]{43}=?$/;
// OWASP's smallest parameters for scrypt. The salt is fixed, since all processes must get the same key from the text.
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 };
const SALT = 'bellhop master key';

export function toMasterKey(key: Buffer): MasterKey {
  return { id: hash('sha256', key, 'hex').slice(0, 8), key };
}

/** 32 bytes in base64 are the key itself; any other text (32 characters or more) is stretched to one. */
export function parseMasterKey(text: string): MasterKey {
  if (BASE64_KEY.test(text)) {
    const key = Buffer.from(text, 'base64');
    if (key.length === KEY_BYTES) return toMasterKey(key);
  }
  if (text.length < KEY_BYTES) throw new Error(`A master key has ${KEY_BYTES} characters or more`);
  return toMasterKey(scryptSync(text, SALT, KEY_BYTES, SCRYPT));
}

/**
 * The master keys of this process: from the settings, else from `<dataDir>/master.key`, which is made when nothing
 * is encrypted yet. Throws when the database holds a data key that none of them opens. Processes with folders of
 * their own that share a PostgreSQL need the setting.
 */
export async function loadOrCreateMasterKey(options: MasterKeyOptions): Promise<MasterKeys> {
  const { store, value, previousValues = [], dataDir } = options;
  // Asked first: a process that starts at the same time writes its file before it encrypts anything.
  const inUse = await selectMasterKeyIds(store.engine);
  const previous = previousValues.map(parseMasterKey);
  const given = value === undefined ? readMasterKey(dataDir) : parseMasterKey(value);
  checkMasterKeys(inUse, given ? [given, ...previous] : previous, dataDir);
  return { current: given ?? createMasterKey(dataDir), previous };
}

function readMasterKey(dataDir: string | undefined): MasterKey | null {
  if (dataDir === undefined) return null;
  try {
    return parseMasterKey(readFileSync(join(dataDir, FILE), 'utf8').trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`The master key in ${join(dataDir, FILE)} could not be read`, { cause: error });
  }
}

/** Made by one process even if two start on the same folder: the other one reads it. */
function createMasterKey(dataDir: string | undefined): MasterKey {
  const key = randomBytes(KEY_BYTES);
  if (dataDir === undefined) return toMasterKey(key);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    const content = `${key.toString('base64')}\n`;
    writeFileSync(join(dataDir, FILE), content, { mode: 0o600, flag: 'wx', flush: true });
    return toMasterKey(key);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readMasterKey(dataDir)!;
  }
}

function checkMasterKeys(inUse: string[], found: MasterKey[], dataDir: string | undefined): void {
  const missing = inUse.filter((id) => !found.some((key) => key.id === id));
  if (missing.length === 0) return;
  const here = found.length ? `has ${found.map((key) => key.id).join(', ')}` : 'has none';
  const file = dataDir === undefined ? '' : `, or put the right ${FILE} into ${dataDir}`;
  throw new Error(
    `The credentials in this database are encrypted with the master key ${missing.join(', ')}; this process ${here}. ` +
      `Set BELLHOP_MASTER_KEY to that key, name it in BELLHOP_PREVIOUS_MASTER_KEYS${file}. (A key is named by the ` +
      'first 8 hex digits of its SHA-256.)',
  );
}
