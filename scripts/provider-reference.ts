import { listProviders } from '../src/providers/index.ts';

const yes = (fact: boolean | undefined) => (fact ? 'yes' : '–');

/** docs/providers.md: what each provider is, needs and can, out of its own facts. */
export function renderProviderReference(): string {
  const providers = listProviders();
  const matrix = providers.map(({ id, name, channel, limits, supports, docs }) => {
    const rate = limits.ratePerSecond === undefined ? '–' : `${limits.ratePerSecond}/s`;
    const payload = limits.payloadBytes === undefined ? '–' : `${limits.payloadBytes} B`;
    const platforms = supports.platforms?.join(', ') ?? '–';
    return `| [${name}](${docs}) | \`${id}\` | ${channel} | ${platforms} | ${rate} | ${payload} | ${yes(supports.dedupeKey)} | ${yes(supports.replaces)} | ${yes(supports.receipts)} |`;
  });
  const forms = providers
    .filter(({ fields }) => Object.keys(fields).length > 0)
    .flatMap(({ id, name, fields }) => [
      `## ${name} (\`${id}\`)`,
      '',
      '| field | type | required | default | meaning |',
      '|---|---|---|---|---|',
      ...Object.entries(fields as Record<string, import('../src/providers/index.ts').Field>).map(
        ([field, { type, required, label, help, default: preset }]) =>
          `| \`${field}\` | ${type} | ${yes(required)} | ${preset === undefined ? '–' : `\`${preset}\``} | ${label}${help ? `. ${help}` : ''} |`,
      ),
      '',
    ]);
  return [
    '# Providers',
    '',
    'Generated from `src/providers/` by `npm run generate`. A connection is one configured account of a provider:',
    '`PUT /v1/connections/{id}` with `{ "provider": …, "config": { … } }`. Every HTTP provider also takes `baseUrl`.',
    '',
    '| provider | id | channel | platforms | declared rate | payload | dedupe key | replaces | receipts |',
    '|---|---|---|---|---|---|---|---|---|',
    ...matrix,
    '',
    ...forms,
  ].join('\n');
}
