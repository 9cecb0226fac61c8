import { CHANNELS, listProviders } from '../providers/index.ts';
import { parseFlags } from './flags.ts';

/**
 * Every setting of Bellhop: name, type, default, description. The environment is read by config.ts from this
 * table alone; the reference page (docs/configuration.md) and .env.example are generated from it.
 */
export type SettingType = 'text' | 'integer' | 'boolean' | 'list' | 'choice';

export interface Setting {
  type: SettingType;
  default: string;
  description: string;
  secret?: boolean;
  choices?: readonly string[];
  min?: number;
  max?: number;
  /** The rule beyond the type, or null when the text obeys it. */
  check?(text: string): string | null;
}

export const ROLES = ['api', 'router', 'worker', 'sweeper'] as const;
export type Role = (typeof ROLES)[number];

const MIN_SECRET_LENGTH = 32;
const RATE = /^([a-z0-9-]+)=(\d+(?:\.\d+)?)$/;

/** `name=number` pairs, comma-separated; the numbers above zero. */
export function parseRates(text: string): Record<string, number> {
  const pairs = text.split(',').map((pair) => pair.trim());
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const match = RATE.exec(pair);
      return match ? [[match[1]!, Number(match[2])]] : [];
    }),
  );
}

function checkRates(text: string, names: readonly string[], what: string): string | null {
  if (text === '') return null;
  for (const pair of text.split(',').map((pair) => pair.trim())) {
    const match = RATE.exec(pair);
    if (!match || Number(match[2]) <= 0) return `must be pairs such as ${names[0]}=50, the rate above 0`;
    if (!names.includes(match[1]!)) return `names no ${what} "${match[1]}"; known are ${names.join(', ')}`;
  }
  return null;
}

export const SETTINGS = {
  BELLHOP_PORT: {
    type: 'integer',
    default: '3000',
    min: 0,
    max: 65535,
    description: 'Port of the HTTP API; 0 takes any free one.',
  },
  BELLHOP_HOST: {
    type: 'text',
    default: '127.0.0.1',
    description: 'Address to listen on. `0.0.0.0` opens the API to the network: put TLS in front of it.',
  },
  BELLHOP_DATA_DIR: {
    type: 'text',
    default: './data',
    description: 'Folder of the embedded database, the master key and the first credentials.',
  },
  DATABASE_URL: {
    type: 'text',
    default: '',
    secret: true,
    description:
      'PostgreSQL ≥ 15 to use instead of the embedded database, e.g. `postgres://user:password@host/bellhop`.',
    check: (text) =>
      text === '' || /^postgres(ql)?:\/\/\S+$/.test(text)
        ? null
        : 'must start with postgres:// or postgresql://',
  },
  BELLHOP_DATABASE_POOL: {
    type: 'integer',
    default: '5',
    min: 1,
    max: 200,
    description:
      'Connections per pool to PostgreSQL; a process has four pools (API, accept high, accept, engine), two of three connections (claims of high priority; receipts) and one connection for wake-ups.',
  },
  BELLHOP_ROLES: {
    type: 'list',
    default: 'all',
    description: `What this process does: \`all\`, or some of ${ROLES.join(', ')}, comma-separated.`,
    check: (text) => {
      const roles = text.split(',').map((role) => role.trim());
      const unknown = roles.find((role) => role !== 'all' && !ROLES.includes(role as Role));
      return unknown === undefined
        ? null
        : `has an unknown role "${unknown}"; known are all, ${ROLES.join(', ')}`;
    },
  },
  BELLHOP_BOOTSTRAP_KEY: {
    type: 'text',
    default: '',
    secret: true,
    description:
      'An API key with all rights in the tenant `default`, instead of generated ones. `bh_test_…` makes it a test key.',
    check: (text) =>
      text === '' || text.length >= MIN_SECRET_LENGTH
        ? null
        : `must have ${MIN_SECRET_LENGTH} characters or more`,
  },
  BELLHOP_MASTER_KEY: {
    type: 'text',
    default: '',
    secret: true,
    description:
      'Encrypts the credentials of connections: 32 bytes in base64, or any text of 32 characters or more. Without it a key is kept in `<data dir>/master.key`.',
    check: (text) =>
      text === '' || text.length >= MIN_SECRET_LENGTH
        ? null
        : `must have ${MIN_SECRET_LENGTH} characters or more`,
  },
  BELLHOP_PREVIOUS_MASTER_KEYS: {
    type: 'list',
    default: '',
    secret: true,
    description:
      'Master keys used before, comma-separated, so that what they encrypted can still be read and is re-wrapped.',
  },
  BELLHOP_EGRESS_ALLOW: {
    type: 'list',
    default: '',
    description:
      'Networks (CIDR, comma-separated) that connections may reach although they are private, e.g. `127.0.0.1/32`; plain http and SMTP on any port are allowed for them only.',
  },
  BELLHOP_PUBLIC_URL: {
    type: 'text',
    default: '',
    description:
      'Where vendors and users reach this installation from outside; with it, receipts are asked for. When it is https (or a loopback address), e-mail that users may refuse carries a link to unsubscribe (see preferences.md).',
    check: (text) =>
      text === '' || /^https?:\/\/[^\s/]+$/.test(text)
        ? null
        : 'must be an origin such as https://bellhop.example.com',
  },
  BELLHOP_SIMULATOR_PAGE: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'on', 'off'],
    description:
      'The page that shows what test keys sent: `auto` shows it when BELLHOP_HOST is a loopback address.',
  },
  BELLHOP_IDEMPOTENCY_HOURS: {
    type: 'integer',
    default: '24',
    min: 1,
    max: 720,
    description: 'How long an idempotency key is remembered.',
  },
  BELLHOP_BODY_LIMIT: {
    type: 'integer',
    default: '262144',
    min: 1024,
    max: 10_485_760,
    description: 'Bytes of a request body.',
  },
  BELLHOP_KEY_RATE_LIMIT: {
    type: 'integer',
    default: '0',
    min: 0,
    max: 1_000_000,
    description: 'Requests per second of one API key and process before 429; 0 is no limit.',
  },
  BELLHOP_ACCEPT_QUEUE: {
    type: 'integer',
    default: '20000',
    min: 100,
    max: 1_000_000,
    description: 'Requests that may wait for a commit in this process before new ones are answered 503.',
  },
  BELLHOP_RECEIPT_QUEUE: {
    type: 'integer',
    default: '5000',
    min: 10,
    max: 1_000_000,
    description:
      'Posts of vendors (receipts) under way in this process before further ones are answered 503, after which vendors come again.',
  },
  BELLHOP_RECEIPT_RATE: {
    type: 'integer',
    default: '2000',
    min: 0,
    max: 1_000_000,
    description:
      'Posts of receipts a second for one connection and process; more are answered 503 before they are read or verified. 0 is no limit.',
  },
  BELLHOP_MAX_IN_FLIGHT: {
    type: 'integer',
    default: '2000',
    min: 10,
    max: 100_000,
    description:
      'Attempts under way at once in this process; a fifth of it is kept for high priority, a tenth for normal, a twentieth for low.',
  },
  BELLHOP_PROVIDER_RATES: {
    type: 'list',
    default: '',
    description:
      'Attempts a second by provider, over all tenants and processes, e.g. `apns=10000,twilio=50`; a provider that is not named has no such limit. Living workers share a rate equally.',
    check: (text) =>
      checkRates(
        text,
        listProviders().map(({ id }) => id),
        'provider',
      ),
  },
  BELLHOP_TENANT_RATE: {
    type: 'list',
    default: '',
    description:
      'Attempts a second of each tenant by channel, over all its connections and all processes, e.g. `sms=20,email=100`; `limits` of a tenant goes before it. Empty is no limit.',
    check: (text) => checkRates(text, CHANNELS, 'channel'),
  },
  BELLHOP_TRUST_PROXY: {
    type: 'text',
    default: '',
    description: 'Addresses of reverse proxies whose X-Forwarded-For is believed (comma-separated CIDR).',
  },
  BELLHOP_FLAGS: {
    type: 'list',
    default: '',
    description:
      'Feature flags for tenants without a value of their own, e.g. `hooks=off,failover@live=25%` (see flags.md).',
    check: (text) => {
      const parsed = parseFlags(text);
      return 'problem' in parsed ? parsed.problem : null;
    },
  },
  BELLHOP_HOOKS_MODULE: {
    type: 'text',
    default: '',
    description:
      'A JavaScript module of yours whose `preSend` and `postSend` are called for all tenants (see hooks.md).',
  },
  BELLHOP_LOG_LEVEL: {
    type: 'choice',
    default: 'warn',
    choices: ['silent', 'error', 'warn', 'info', 'debug'],
    description: 'Least severity that is logged (JSON lines on standard output).',
  },
  BELLHOP_METRICS: {
    type: 'choice',
    default: 'local',
    choices: ['off', 'local', 'on'],
    description:
      'Who may read `/metrics`: nobody, callers from loopback and private addresses that no proxy forwarded, or everyone. Behind a proxy that adds no X-Forwarded-For, set a token or a port.',
  },
  BELLHOP_METRICS_TOKEN: {
    type: 'text',
    default: '',
    secret: true,
    description: 'When set, `/metrics` wants it as `Authorization: Bearer …`, from everyone.',
    check: (text) => (text === '' || text.length >= 16 ? null : 'must have 16 characters or more'),
  },
  BELLHOP_METRICS_PORT: {
    type: 'text',
    default: '',
    description:
      'A port of its own (on BELLHOP_HOST) for `/metrics` and `/health/*`, in every role; the API then has no `/metrics`. 0 takes any free one. Processes without the role `api` are observed here.',
    check: (text) =>
      text === '' || (/^\d{1,5}$/.test(text) && Number(text) <= 65_535)
        ? null
        : 'must be a port, 0 to 65535, or empty',
  },
  BELLHOP_OVERDUE_SECONDS: {
    type: 'integer',
    default: '300',
    min: 1,
    max: 86_400,
    description:
      '`/health/work` answers 503 when work of high or normal priority that could be done has been due for longer.',
  },
  BELLHOP_STUCK_SECONDS: {
    type: 'integer',
    default: '60',
    min: 10,
    max: 3600,
    description:
      'A loop (routing, claiming, recording, sweeping, leaving broken connections) that stands still for longer ends the process with code 75, so that its supervisor restarts it.',
  },
  BELLHOP_OTLP_ENDPOINT: {
    type: 'text',
    default: '',
    description:
      'Collector of OpenTelemetry traces (OTLP over HTTP), e.g. `http://127.0.0.1:4318`; `/v1/traces` is added. Without it there are no traces.',
    check: (text) =>
      text === '' || isPlainHttpUrl(text)
        ? null
        : 'must be an http or https URL without user, password, query and fragment',
  },
  BELLHOP_OTLP_HEADERS: {
    type: 'list',
    default: '',
    secret: true,
    description:
      'Headers that the collector asks for: `name=value`, comma-separated, values percent-encoded where need be.',
    check: (text) =>
      text === '' || text.split(',').every(isHeaderPair)
        ? null
        : 'must be name=value pairs, comma-separated, as `authorization=Bearer%20token`',
  },
  BELLHOP_TRACE_SAMPLE: {
    type: 'text',
    default: '0.01',
    description:
      'Share of traces to export, 0 to 1, where the caller sent no trace context; high priority and failures always are.',
    check: (text) => (/^(0?\.\d+|0|1(\.0+)?)$/.test(text) ? null : 'must be a number between 0 and 1'),
  },
  BELLHOP_DRAIN_SECONDS: {
    type: 'integer',
    default: '20',
    min: 1,
    max: 600,
    description: 'How long a stopping process waits for attempts under way.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

function isPlainHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(text) && url !== null;
}

// The name is a token (RFC 9110, 5.6.2); the value is percent-encoded ASCII, as in OTEL_EXPORTER_OTLP_HEADERS.
function isHeaderPair(pair: string): boolean {
  const match = /^\s*[\w!#$%&'*+.^`|~-]+\s*=([\x20-\x7e]*)$/.exec(pair);
  try {
    return match !== null && /^[\x20-\x7e]+$/.test(decodeURIComponent(match[1]!));
  } catch {
    return false;
  }
}
