import { type TSchema, Type } from 'typebox';
import { Exact, Slug } from '../http/index.ts';
import {
  CHANNELS,
  type Channel,
  type Content,
  PLATFORMS,
  type Platform,
  type VendorTemplate,
} from '../providers/contract.ts';
import { MAX_MJML_CHARACTERS } from './mjml.ts';
import type { Variables } from './variable-schema.ts';
import { VendorTemplates } from './vendor-template.ts';

/** What a field of a channel is, and so how it is written, rendered and checked. */
export type Kind =
  | 'line'
  | 'text'
  | 'html'
  | 'url'
  | 'image'
  | 'number'
  | 'actions'
  | 'data'
  | 'fields'
  | 'vendorTemplates'
  | 'fragment'
  | 'mjml'
  | 'platforms';

/** The fields each channel has. All else (schema, compiling, rendering) follows from this table. */
export const FIELDS = {
  push: {
    title: 'line',
    subtitle: 'line',
    body: 'text',
    url: 'url',
    image: 'image',
    icon: 'image',
    sound: 'line',
    badge: 'number',
    category: 'line',
    collapseKey: 'line',
    actions: 'actions',
    data: 'data',
    platforms: 'platforms',
  },
  email: {
    subject: 'line',
    text: 'text',
    html: 'html',
    mjml: 'mjml',
    layout: 'fragment',
    preheader: 'line',
    replyTo: 'line',
  },
  sms: { body: 'text', vendorTemplates: 'vendorTemplates' },
  chat: {
    title: 'line',
    body: 'text',
    url: 'url',
    image: 'image',
    fields: 'fields',
    actions: 'actions',
    vendorTemplates: 'vendorTemplates',
  },
  inbox: {
    title: 'line',
    body: 'text',
    url: 'url',
    image: 'image',
    actions: 'actions',
    data: 'data',
    collapseKey: 'line',
  },
  webhook: { title: 'line', body: 'text', url: 'url', image: 'image', data: 'data' },
} as const satisfies Record<Channel, Record<string, Kind>>;

const REQUIRED: Record<Channel, string[]> = {
  push: ['title', 'body'],
  email: ['subject'],
  sms: ['body'],
  chat: ['body'],
  inbox: ['title', 'body'],
  webhook: [],
};

/** A channel has nothing to show unless one field of every group has text. */
const SHOWN: Record<Channel, (keyof Content)[][]> = {
  push: [['title', 'body']],
  email: [['subject'], ['text', 'html']],
  sms: [['body']],
  chat: [['title', 'body']],
  inbox: [['title', 'body']],
  webhook: [],
};

/** The fields of which one needs text and none has, as "text or html"; null when the channel has something to show. */
export function missingText(channel: Channel, content: { [F in keyof Content]?: unknown }): string | null {
  const hasText = (field: keyof Content) => {
    const value = content[field];
    return typeof value === 'string' && value.trim() !== '';
  };
  const missing = SHOWN[channel].find((group) => !group.some(hasText));
  return missing ? missing.join(' or ') : null;
}

/** The content for one platform: with what it says in other words there. */
export function contentFor(source: LocaleContent, platform: Platform | undefined): LocaleContent {
  const { platforms, ...shared } = source;
  return { ...shared, ...(platform && platforms?.[platform]) };
}

/** One channel in one locale, as written: every text is Liquid. */
export interface LocaleContent {
  title?: string;
  subtitle?: string;
  body?: string;
  subject?: string;
  text?: string;
  html?: string;
  /** What `html` is made of when the version is saved. */
  mjml?: string;
  /** The id of the fragment that `html` or `mjml` stands in, at its `{{ content }}`. */
  layout?: string;
  preheader?: string;
  replyTo?: string;
  url?: string;
  image?: string;
  icon?: string;
  sound?: string;
  badge?: number | string;
  collapseKey?: string;
  actions?: { id: string; title: string; url?: string }[];
  data?: Record<string, unknown>;
  category?: string;
  fields?: { title: string; value: string }[];
  /** By provider id: the vendor's approved text to use there, with Liquid in its parameters. */
  vendorTemplates?: Record<string, VendorTemplate>;
  /** What is said in other words on one platform, field by field. */
  platforms?: { [P in Platform]?: Omit<LocaleContent, 'platforms'> };
}
type Channels = { [C in Channel]?: Record<string, LocaleContent> };

const FIELD_SCHEMAS = {
  line: Type.String({ maxLength: 2_000 }),
  text: Type.String({ maxLength: 50_000 }),
  html: Type.String({ maxLength: 500_000 }),
  url: Type.String({ maxLength: 4_000 }),
  image: Type.String({ maxLength: 4_000 }),
  number: Type.Union([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 500 })]),
  actions: Type.Array(
    Exact({
      id: Type.String({ minLength: 1, maxLength: 64 }),
      title: Type.String({ minLength: 1, maxLength: 500 }),
      url: Type.Optional(Type.String({ maxLength: 4_000 })),
    }),
    { maxItems: 10 },
  ),
  data: Type.Record(Type.String(), Type.Unknown(), { maxProperties: 100 }),
  fragment: Slug('Id of a fragment'),
  mjml: Type.String({ maxLength: MAX_MJML_CHARACTERS, description: 'In place of html' }),
  fields: Type.Array(
    Exact({
      title: Type.String({ minLength: 1, maxLength: 500 }),
      value: Type.String({ minLength: 1, maxLength: 2_000 }),
    }),
    { maxItems: 20 },
  ),
  vendorTemplates: VendorTemplates,
} satisfies Record<Exclude<Kind, 'platforms'>, TSchema>;

const { platforms: _, ...ON_ONE_PLATFORM } = FIELDS.push;
const OverrideSchema = Exact(
  Object.fromEntries(
    Object.entries(ON_ONE_PLATFORM).map(([field, kind]) => [field, Type.Optional(FIELD_SCHEMAS[kind])]),
  ),
  { minProperties: 1 },
);
const SCHEMAS: Record<Kind, TSchema> = {
  ...FIELD_SCHEMAS,
  platforms: Exact(
    Object.fromEntries(PLATFORMS.map((platform) => [platform, Type.Optional(OverrideSchema)])),
    {
      description: 'What is said in other words on one platform, field by field',
    },
  ),
};

const LocaleSchemas = CHANNELS.map((channel) => {
  const fields = Object.entries(FIELDS[channel]).map(([field, kind]) => [
    field,
    REQUIRED[channel].includes(field) ? SCHEMAS[kind] : Type.Optional(SCHEMAS[kind]),
  ]);
  const locales = Type.Record(Type.String(), Exact(Object.fromEntries(fields)), {
    minProperties: 1,
    maxProperties: 200,
  });
  return [channel, Type.Optional(locales)];
});

export const ChannelsSchema = Type.Unsafe<Channels>(
  Exact(Object.fromEntries(LocaleSchemas), {
    minProperties: 1,
    description: 'Per channel and locale (BCP 47) the texts, written in Liquid',
  }),
);

/** What a version of a template is. */
export interface Definition {
  defaultLocale: string;
  /** That of the tenant when the version was saved, for channels that do not have the template's own. */
  tenantLocale?: string;
  variables: Variables;
  channels: Channels;
  /** The fragments that the texts put in, as they were when the version was saved: it never changes by itself. */
  fragments?: Record<string, PinnedFragment>;
}

export interface PinnedFragment {
  version: number;
  text: string;
}
