import type { LogLevel } from '../lib/logger.ts';
import { type FlagSetting, parseFlags } from './flags.ts';
import { parseRates, ROLES, type Role, SETTINGS, type Setting, type SettingName } from './settings.ts';

export interface Config {
  port: number;
  host: string;
  dataDir: string;
  databaseUrl: string | undefined;
  databasePool: number;
  roles: ReadonlySet<Role>;
  bootstrapKey: string | undefined;
  masterKey: string | undefined;
  previousMasterKeys: string[];
  egressAllow: string[];
  publicUrl: string | undefined;
  simulatorPage: boolean;
  idempotencyMs: number;
  bodyLimit: number;
  keyRateLimit: number;
  acceptQueue: number;
  /** Posts of receipts under way at once, and a second for one connection. */
  receipts: { maxPosts: number; postsPerSecond: number };
  maxInFlight: number;
  /** Attempts a second by provider id. */
  providerRates: Record<string, number>;
  /** Attempts a second of each tenant by channel. */
  tenantRates: Record<string, number>;
  trustProxy: string | false;
  flags: FlagSetting[];
  hooksModule: string | undefined;
  logLevel: LogLevel;
  metrics: { mode: 'off' | 'local' | 'on'; token: string | undefined; port: number | null };
  overdueMs: number;
  stuckMs: number;
  drainMs: number;
  /** Where traces go and how many of them; undefined is nowhere. */
  tracing: { endpoint: string; headers: Record<string, string>; sample: number } | undefined;
}

/** All that is wrong with the settings at once, one line each: the variable and the rule. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: string[];

  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const MAX_TYPOS = 3;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** Reads the settings from an environment; names beginning with BELLHOP_ that nobody declared are refused (typos). */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const problems: string[] = [];
  for (const name of Object.keys(env)) {
    if (name.startsWith('BELLHOP_') && !name.startsWith('BELLHOP_TEST_') && !(name in SETTINGS)) {
      problems.push(`${name} is not a setting${suggest(name)}`);
    }
  }
  const text = {} as Record<SettingName, string>;
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    const given = env[name]?.trim();
    text[name] = given === undefined || given === '' ? setting.default : given;
    const problem = checkSetting(setting, text[name]);
    if (problem) problems.push(`${name} ${problem}${setting.secret ? '' : ` (it is "${text[name]}")`}`);
  }
  if (text.DATABASE_URL === '' && !list(text.BELLHOP_ROLES).includes('all')) {
    problems.push(
      'BELLHOP_ROLES splits the work over several processes, which needs a PostgreSQL in DATABASE_URL',
    );
  }
  if (problems.length) throw new ConfigError(problems);
  return toConfig(text);
}

function checkSetting(setting: Setting, text: string): string | null {
  if (setting.type === 'integer') {
    if (!/^-?\d+$/.test(text)) return 'must be a whole number';
    const number = Number(text);
    if (number < (setting.min ?? -Infinity) || number > (setting.max ?? Infinity)) {
      return `must be between ${setting.min} and ${setting.max}`;
    }
  }
  if (setting.type === 'choice' && !setting.choices?.includes(text)) {
    return `must be one of ${setting.choices?.join(', ')}`;
  }
  return setting.check?.(text) ?? null;
}

function toConfig(text: Record<SettingName, string>): Config {
  const roles = list(text.BELLHOP_ROLES);
  const page = text.BELLHOP_SIMULATOR_PAGE;
  const flags = parseFlags(text.BELLHOP_FLAGS);
  return {
    port: Number(text.BELLHOP_PORT),
    host: text.BELLHOP_HOST,
    dataDir: text.BELLHOP_DATA_DIR,
    databaseUrl: text.DATABASE_URL || undefined,
    databasePool: Number(text.BELLHOP_DATABASE_POOL),
    roles: new Set(roles.includes('all') ? ROLES : (roles as Role[])),
    bootstrapKey: text.BELLHOP_BOOTSTRAP_KEY || undefined,
    masterKey: text.BELLHOP_MASTER_KEY || undefined,
    previousMasterKeys: list(text.BELLHOP_PREVIOUS_MASTER_KEYS),
    egressAllow: list(text.BELLHOP_EGRESS_ALLOW),
    publicUrl: text.BELLHOP_PUBLIC_URL || undefined,
    simulatorPage: page === 'on' || (page === 'auto' && LOOPBACK.test(text.BELLHOP_HOST)),
    idempotencyMs: Number(text.BELLHOP_IDEMPOTENCY_HOURS) * 3_600_000,
    bodyLimit: Number(text.BELLHOP_BODY_LIMIT),
    keyRateLimit: Number(text.BELLHOP_KEY_RATE_LIMIT),
    acceptQueue: Number(text.BELLHOP_ACCEPT_QUEUE),
    receipts: {
      maxPosts: Number(text.BELLHOP_RECEIPT_QUEUE),
      postsPerSecond: Number(text.BELLHOP_RECEIPT_RATE),
    },
    maxInFlight: Number(text.BELLHOP_MAX_IN_FLIGHT),
    providerRates: parseRates(text.BELLHOP_PROVIDER_RATES),
    tenantRates: parseRates(text.BELLHOP_TENANT_RATE),
    trustProxy: text.BELLHOP_TRUST_PROXY || false,
    flags: 'values' in flags ? flags.values : [],
    hooksModule: text.BELLHOP_HOOKS_MODULE || undefined,
    logLevel: text.BELLHOP_LOG_LEVEL as LogLevel,
    metrics: {
      mode: text.BELLHOP_METRICS as Config['metrics']['mode'],
      token: text.BELLHOP_METRICS_TOKEN || undefined,
      port: text.BELLHOP_METRICS_PORT === '' ? null : Number(text.BELLHOP_METRICS_PORT),
    },
    overdueMs: Number(text.BELLHOP_OVERDUE_SECONDS) * 1000,
    stuckMs: Number(text.BELLHOP_STUCK_SECONDS) * 1000,
    drainMs: Number(text.BELLHOP_DRAIN_SECONDS) * 1000,
    tracing: text.BELLHOP_OTLP_ENDPOINT
      ? {
          endpoint: text.BELLHOP_OTLP_ENDPOINT,
          headers: headers(text.BELLHOP_OTLP_HEADERS),
          sample: Number(text.BELLHOP_TRACE_SAMPLE),
        }
      : undefined,
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `name=value` pairs whose values are percent-encoded. */
function headers(text: string): Record<string, string> {
  return Object.fromEntries(
    list(text).map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1)).trim()];
    }),
  );
}

function suggest(name: string): string {
  const [nearest] = Object.keys(SETTINGS)
    .map((known) => ({ known, away: distance(known, name) }))
    .filter(({ away }) => away <= MAX_TYPOS)
    .sort((a, b) => a.away - b.away);
  return nearest ? `; did you mean ${nearest.known}?` : '';
}

/** Levenshtein distance; the words are short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
