import { type Static, Type } from 'typebox';
import { OneOf, responses, type Server } from '../http/index.ts';
import { CHANNELS, listProviders, PLATFORMS, type Provider } from '../providers/index.ts';

const FIELD_TYPES = [
  ...(['text', 'url', 'number', 'boolean', 'object'] as const),
  ...(['secret', 'pem', 'json', 'secrets'] as const),
] as const;

const FieldAnswer = Type.Object({
  name: Type.String(),
  label: Type.String(),
  type: OneOf(FIELD_TYPES, { description: 'secret, pem, json and secrets are stored encrypted' }),
  required: Type.Boolean(),
  help: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.Object({ regex: Type.String(), hint: Type.String() })),
  default: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
});

const ProviderAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  channel: OneOf(CHANNELS),
  docs: Type.String({ description: "The vendor's reference page" }),
  baseUrl: Type.Optional(Type.String({ description: "Where the vendor's API is by default" })),
  fields: Type.Array(FieldAnswer, {
    description: 'What `config` of a connection takes, in the order of a form',
  }),
  limits: Type.Object({
    ratePerSecond: Type.Optional(Type.Number()),
    payloadBytes: Type.Optional(Type.Integer()),
    connectTimeoutMs: Type.Integer(),
    deadlineMs: Type.Integer(),
    maxInFlight: Type.Integer(),
  }),
  supports: Type.Object({
    platforms: Type.Optional(Type.Array(OneOf(PLATFORMS))),
    dedupeKey: Type.Boolean(),
    replaces: Type.Boolean(),
    receipts: Type.Boolean(),
  }),
});

/** The catalogue that forms and the comparison of providers are made from. */
export function addProviders(app: Server): void {
  const schema = {
    tags: ['Connections'],
    summary: 'List providers',
    description: 'Every vendor that a connection can be made for, with the fields of its configuration.',
    response: responses({ 200: Type.Object({ items: Type.Array(ProviderAnswer) }) }),
  };
  app.get('/v1/providers', { config: { scope: 'connections:read' }, schema }, async () => ({
    items: listProviders().map(describeProvider),
  }));
}

function describeProvider(provider: Provider): Static<typeof ProviderAnswer> {
  const { id, name, channel, docs, limits, supports } = provider;
  const fields = Object.entries<Provider['fields'][string]>(provider.fields);
  return {
    id,
    name,
    channel,
    docs,
    ...('baseUrl' in provider ? { baseUrl: provider.baseUrl } : {}),
    fields: fields.map(([name, { movesSecrets: _, ...field }]) => ({
      ...field,
      name,
      required: field.required ?? false,
    })),
    limits,
    supports,
  };
}
