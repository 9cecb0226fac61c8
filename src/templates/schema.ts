import { type Static, Type } from 'typebox';
import { Exact, ExternalId, OneOf, Slug, Timestamp } from '../http/index.ts';
import { CHANNELS, type Content, PLATFORMS } from '../providers/contract.ts';
import { ChannelsSchema } from './definition.ts';
import { asWritten } from './email-html.ts';
import { Finding } from './finding.ts';
import { PUBLICATION_KINDS, type PublicationRow } from './publication-store.ts';
import type { FullVersionRow, TemplateRow, VersionRow } from './store.ts';
import { VariablesSchema } from './variable-schema.ts';

const Locale = Type.String({ minLength: 1, maxLength: 35, description: 'BCP 47, such as "en" or "pt-BR"' });
const Version = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
const NullableVersion = Type.Union([Type.Integer(), Type.Null()]);

export const TemplateParams = Exact({ id: Slug('Id of the template') });
export const VersionParams = Exact({ id: Slug('Id of the template'), version: Version });

export const SaveBody = Exact({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  defaultLocale: Type.Optional(Locale),
  variables: Type.Optional(VariablesSchema),
  channels: ChannelsSchema,
  publish: Type.Optional(
    Type.Boolean({ default: true, description: 'False keeps the new version as a draft' }),
  ),
});

const SampleUser = Type.Optional(
  Exact({
    id: Type.Optional(ExternalId),
    locale: Type.Optional(Locale),
    timezone: Type.Optional(Type.String({ maxLength: 64 })),
    attributes: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 500 })),
  }),
);
const SampleVariables = Type.Optional(
  Type.Record(Type.String(), Type.Unknown(), {
    maxProperties: 500,
    description: 'Default: examples, defaults or anything of the declared types',
  }),
);

export const PublishBody = Exact({ version: Version });

export const PreviewBody = Exact({
  channel: OneOf(CHANNELS),
  platform: Type.Optional(OneOf(PLATFORMS, { description: 'Of a push message' })),
  locale: Type.Optional(Locale),
  variables: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 500 })),
  sample: Type.Optional(
    Type.Boolean({
      description: 'Fills in what `variables` leaves out: examples, defaults or anything of the type',
    }),
  ),
  version: Type.Optional(
    Type.Integer({ ...Version, description: 'Default: the published one, or the latest when none is' }),
  ),
  user: SampleUser,
});

export const SavedAnswer = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  publishedVersion: NullableVersion,
});

export const LintedAnswer = Type.Object({
  ...SavedAnswer.properties,
  findings: Type.Array(Finding, { description: 'What should be put right; errors in drafts only' }),
});

const SmsFacts = {
  encoding: OneOf(['GSM-7', 'UCS-2']),
  units: Type.Integer(),
  segments: Type.Integer({ description: 'Messages that are charged' }),
  foreign: Type.Array(Type.String(), {
    description: 'Characters outside of GSM-7, which make it dearer',
  }),
};

const PushFacts = {
  platform: OneOf(PLATFORMS),
  provider: Type.String(),
  bytes: Type.Integer({ description: 'Of the whole request, as it is counted when the message is sent' }),
  limitBytes: Type.Integer(),
};

export const LintBody = Exact({
  version: Type.Optional(
    Type.Integer({ ...Version, description: 'Default: the published one, or the latest when none is' }),
  ),
  variables: SampleVariables,
  user: SampleUser,
  marketing: Type.Optional(Type.Boolean({ description: 'It is for a category that people may refuse' })),
  pricePerSegment: Type.Optional(
    Type.Number({ minimum: 0, description: 'Of a text message, to say what it costs' }),
  ),
});

export const LintAnswer = Type.Object({
  version: Type.Integer(),
  findings: Type.Array(Finding),
  sms: Type.Array(Type.Object({ locale: Type.String(), ...SmsFacts, cost: Type.Optional(Type.Number()) })),
  push: Type.Array(Type.Object({ locale: Type.String(), ...PushFacts })),
});

export const TemplateSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  latestVersion: Type.Integer(),
  publishedVersion: NullableVersion,
  createdAt: Timestamp,
  updatedAt: Timestamp,
});

export const VersionSummary = Type.Object({
  version: Type.Integer(),
  hash: Type.String({ description: 'SHA-256 of the content: equal content has an equal hash' }),
  createdAt: Timestamp,
  createdBy: Type.Union([Type.String(), Type.Null()], { description: 'Id of the API key' }),
  publishedAt: Type.Union([Timestamp, Type.Null()]),
});

export const Publication = Type.Object({
  number: Type.Integer({ description: 'Counts up from 1' }),
  version: Type.Integer(),
  kind: OneOf(PUBLICATION_KINDS, { description: 'rollback: an older version took the place of a newer one' }),
  publishedBy: Type.String({ description: 'Id of the API key' }),
  publishedAt: Timestamp,
});

export const DiffQuery = Exact({
  against: Type.Optional(Type.Integer({ ...Version, description: 'Default: the version before' })),
});

export const DiffAnswer = Type.Object({
  version: Type.Integer(),
  against: Type.Integer(),
  changes: Type.Array(
    Type.Object({
      field: Type.String({ description: 'JSON Pointer into the version' }),
      kind: OneOf(['added', 'removed', 'changed']),
      before: Type.Optional(Type.Unknown()),
      after: Type.Optional(Type.Unknown()),
    }),
  ),
});

export const FullVersion = Type.Object({
  ...VersionSummary.properties,
  defaultLocale: Type.String(),
  variables: VariablesSchema,
  channels: ChannelsSchema,
  fragments: Type.Record(Type.String(), Type.Integer(), {
    description: 'The fragments it puts in, each in the version it had when this was saved',
  }),
});

export const TemplateAnswer = Type.Object({
  ...TemplateSummary.properties,
  published: Type.Union([FullVersion, Type.Null()]),
  latest: FullVersion,
});

export const PreviewAnswer = Type.Object({
  version: Type.Integer(),
  content: Type.Unsafe<Content>(Type.Object({}, { additionalProperties: true })),
  sms: Type.Optional(Type.Object(SmsFacts, { description: 'What the text costs as SMS' })),
  push: Type.Optional(
    Type.Array(Type.Object(PushFacts), { description: 'Its size at each vendor who reaches the platform' }),
  ),
});

export function showTemplate(row: TemplateRow): Static<typeof TemplateSummary> {
  return { ...row, createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() };
}

export function showVersion(row: VersionRow): Static<typeof VersionSummary> {
  const { version, hash, createdBy, createdAt, publishedAt } = row;
  return {
    version,
    hash,
    createdAt: createdAt.toISOString(),
    createdBy,
    publishedAt: publishedAt?.toISOString() ?? null,
  };
}

export function showPublication(row: PublicationRow): Static<typeof Publication> {
  return { ...row, publishedAt: row.publishedAt.toISOString() };
}

export function showFullVersion(row: FullVersionRow): Static<typeof FullVersion> {
  const { fragments = {}, ...definition } = asWritten(row.definition);
  const versions = Object.entries(fragments).map(([id, { version }]) => [id, version]);
  return { ...definition, ...showVersion(row), fragments: Object.fromEntries(versions) };
}
