import { randomBytes } from 'node:crypto';
import { startBellhop, temporaryFolder } from '../test/support/process.ts';

/**
 * A folder with everything compiled that a start of Bellhop needs, and what tells a process to use it. Compiling is half
 * of what a start costs, and only a process that ends in good order leaves it behind: one that is killed never does.
 */
export async function makeCompiled(
  databaseUrl: string,
): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = temporaryFolder();
  const env = { NODE_COMPILE_CACHE: folder };
  const masterKey = { BELLHOP_MASTER_KEY: randomBytes(32).toString('base64') };
  const bellhop = await startBellhop({ ...env, ...masterKey, DATABASE_URL: databaseUrl });
  // What only a request loads is compiled by one.
  await bellhop.call('PUT', '/v1/users/ada', {});
  await bellhop.dispose();
  return { folder, env };
}
