import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Config, parseConfig } from './config.ts';

export { type Config, ConfigError, parseConfig } from './config.ts';
export {
  ENVIRONMENTS,
  type Environment,
  FLAG_NAMES,
  FLAGS,
  type Flag,
  type FlagName,
  type FlagSetting,
  parseFlags,
} from './flags.ts';
export { renderEnvExample, renderReference } from './reference.ts';
export { ROLES, type Role, SETTINGS } from './settings.ts';

/** The settings of this process: its environment over the file `.env`, if there is one. */
export function loadConfig(): Config {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  return parseConfig({ ...file, ...process.env });
}
