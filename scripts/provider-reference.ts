import { type Field, listProviders, type Provider } from '../src/providers/index.ts';

const NOTHING = '–';
const yes = (fact: boolean | undefined) => (fact ? 'yes' : NOTHING);

/** A column of a comparison: its head, and what it says of a provider. */
type Column = [head: string, cell: (provider: Provider) => string];

const ABILITIES: Column[] = [
  ['provider', ({ name, docs }) => `[${name}](${docs})`],
  ['id', ({ id }) => `\`${id}\``],
  ['channel', ({ channel }) => channel],
  ['platforms', ({ supports }) => supports.platforms?.join(', ') ?? NOTHING],
  ['dedupe key', ({ supports }) => yes(supports.dedupeKey)],
  ['replaces', ({ supports }) => yes(supports.replaces)],
  ['receipts, known by', ({ receipts }) => (receipts ? (receipts.proof ?? 'yes') : NOTHING)],
  ['found by', ({ receipts }) => (receipts ? (receipts.byVendorId ? 'vendor’s id' : 'our id') : NOTHING)],
  ['inbound', ({ receipts }) => yes(receipts?.inbound !== undefined)],
];

const LIMITS: Column[] = [
  ['id', ({ id }) => `\`${id}\``],
  ['transport', ({ transport }) => transport],
  ['token', tokenOf],
  ['declared rate', ({ limits }) => withUnit(limits.ratePerSecond, '/s')],
  ['payload', ({ limits }) => withUnit(limits.payloadBytes, ' B')],
  ['together', togetherOf],
  ['in flight', ({ limits }) => `${limits.maxInFlight}`],
  ['to connect', ({ limits }) => `${limits.connectTimeoutMs / 1_000} s`],
  ['deadline', ({ limits }) => `${limits.deadlineMs / 1_000} s`],
];

/** docs/providers.md: what each provider is, needs and can, out of its own facts. */
export function renderProviderReference(): string {
  const providers = listProviders();
  return [
    '# Providers',
    '',
    'Generated from `src/providers/` by `npm run generate`. A connection is one configured account of a provider:',
    '`PUT /v1/connections/{id}` with `{ "provider": …, "config": { … } }`. Every HTTP provider also takes `baseUrl`.',
    'A vendor that is not here can be described: [http-provider.md](http-provider.md).',
    '',
    '## What each can',
    '`dedupe key`: the vendor knows a repeated request. `replaces`: a repeat takes the place of the first on the screen. Either',
    'makes sending again safe when nobody can tell what became of an attempt. `found by`: how a receipt names its message.',
    '`inbound`: what users answer is read.',
    '',
    ...renderTable(providers, ABILITIES),
    '',
    '## Limits',
    "The vendor's where it declares one, else what is good manners; a connection's `limits` go before rate and in flight.",
    '`together`: how many messages one request can carry.',
    '',
    ...renderTable(providers, LIMITS),
    '',
    ...providers.filter(({ fields }) => Object.keys(fields).length > 0).flatMap(renderFields),
  ].join('\n');
}

function renderFields({ id, name, fields }: Provider): string[] {
  const rows = Object.entries<Field>(fields).map(
    ([field, { type, required, label, help, default: preset }]) =>
      `| \`${field}\` | ${type} | ${yes(required)} | ${preset === undefined ? NOTHING : `\`${preset}\``} | ${label}${help ? `. ${help}` : ''} |`,
  );
  const head = ['| field | type | required | default | meaning |', '|---|---|---|---|---|'];
  return [`## ${name} (\`${id}\`)`, '', ...head, ...rows, ''];
}

function renderTable(providers: Provider[], columns: Column[]): string[] {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map(([head]) => head)),
    `|${'---|'.repeat(columns.length)}`,
    ...providers.map((provider) => row(columns.map(([, cell]) => cell(provider)))),
  ];
}

function tokenOf(provider: Provider): string {
  if (!('token' in provider) || !provider.token) return NOTHING;
  return 'sign' in provider.token ? 'signed here' : 'fetched';
}

/** How many messages one request can carry. */
function togetherOf(provider: Provider): string {
  return 'batch' in provider && provider.batch ? `${provider.batch.max}` : '1';
}

function withUnit(value: number | undefined, unit: string): string {
  return value === undefined ? NOTHING : `${value}${unit}`;
}
