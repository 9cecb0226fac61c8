import { type Static, Type } from 'typebox';
import { Exact } from '../http/index.ts';
import { textToHtml } from '../lib/html-text.ts';
import { truncate } from '../lib/text.ts';
import type { Channel, Content } from '../providers/contract.ts';
import { toLine } from './content.ts';
import { missingText } from './definition.ts';
import { renderEmailLayout } from './email-layout.ts';
import { checkHtmlLinks, checkImageUrl, checkUrl } from './url.ts';
import { VendorTemplates } from './vendor-template.ts';

const MAX_SUBJECT_LENGTH = 78;

const Line = Type.String({ maxLength: 1_000 });
const Body = Type.String({ maxLength: 20_000 });
const Url = Type.String({ minLength: 1, maxLength: 2_048 });
const HEADER_TEXT = '^[^\\r\\n\\u0000]*$';

const Actions = Type.Array(
  Exact({
    id: Type.String({ minLength: 1, maxLength: 64 }),
    title: Type.String({ minLength: 1, maxLength: 200 }),
    url: Type.Optional(Url),
  }),
  { maxItems: 10, description: 'Buttons' },
);
const Data = Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), {
  maxProperties: 100,
  description: "The app's own values",
});

const shared = {
  title: Type.Optional(Line),
  body: Type.Optional(Body),
  data: Type.Optional(Data),
  url: Type.Optional(
    Type.String({ ...Url, description: 'Opened on click: https, mailto, tel or a deep link' }),
  ),
  image: Type.Optional(Url),
  actions: Type.Optional(Actions),
};
const pushOnly = {
  subtitle: Type.Optional(Line),
  icon: Type.Optional(Url),
  badge: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999 })),
  sound: Type.Optional(Type.String({ maxLength: 100 })),
  collapseKey: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Replaces an earlier message with the same key',
    }),
  ),
  silent: Type.Optional(
    Type.Boolean({ description: 'Push only: nothing is shown, only `data` reaches the app' }),
  ),
};

const Fields = Type.Array(
  Exact({
    title: Type.String({ minLength: 1, maxLength: 200 }),
    value: Type.String({ minLength: 1, maxLength: 2_000 }),
  }),
  { maxItems: 20, description: 'What a card says in two columns' },
);
const inboxOnly = {
  collapseKey: pushOnly.collapseKey,
  tags: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 10,
      uniqueItems: true,
      description: 'By which lists and counts can be filtered',
    }),
  ),
  expiresAfterSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 366 * 86_400,
      description: 'How long the inbox shows it; else for good',
    }),
  ),
};

const Headers = Type.Unsafe<Record<string, string>>({
  type: 'object',
  maxProperties: 50,
  propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,76}$" },
  additionalProperties: { type: 'string', maxLength: 900, pattern: HEADER_TEXT },
});

/** A message written into the request itself, without a template. Texts are plain, never Liquid. */
export const InlineMessage = Exact(
  {
    ...shared,
    ...pushOnly,
    passthrough: Type.Optional(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), {
        maxProperties: 20,
        description: "By provider id: merged into the vendor's request as it is",
      }),
    ),
    push: Type.Optional(Exact({ ...shared, ...pushOnly })),
    email: Type.Optional(
      Exact({
        subject: Type.Optional(Line),
        text: Type.Optional(Type.String({ maxLength: 100_000 })),
        html: Type.Optional(Type.String({ maxLength: 500_000 })),
        replyTo: Type.Optional(Type.String({ minLength: 3, maxLength: 320, pattern: HEADER_TEXT })),
        headers: Type.Optional(Headers),
      }),
    ),
    sms: Type.Optional(
      Exact(
        {
          body: Type.Optional(Type.String({ minLength: 1, maxLength: 1_600 })),
          vendorTemplates: Type.Optional(VendorTemplates),
        },
        { minProperties: 1 },
      ),
    ),
    inbox: Type.Optional(Exact({ ...shared, ...inboxOnly })),
    chat: Type.Optional(
      Exact({
        ...shared,
        fields: Type.Optional(Fields),
        vendorTemplates: Type.Optional(VendorTemplates),
      }),
    ),
  },
  {
    description:
      'What to say; `push`, `email`, `sms`, `inbox` and `chat` replace single fields on their channel',
  },
);
export type InlineMessage = Static<typeof InlineMessage>;

/** The content of one channel. Pure; the message obeys `checkInline`. */
export function renderInline(message: InlineMessage, channel: Channel): Content {
  const content = buildContent(message, channel);
  if (channel === 'email' && content.html === undefined && message.email?.text === undefined) {
    content.html = renderEmailLayout({
      title: content.subject ?? '',
      bodyHtml: textToHtml(message.body ?? ''),
      image: message.image,
      buttons: buttonsOf(message),
    });
  }
  return dropUndefined(content);
}

/** Why the message cannot be sent on these channels, as "<field> <rule>", or null when it can. */
export function checkInline(message: InlineMessage, channels: readonly Channel[]): string | null {
  for (const channel of channels) {
    const content = buildContent(message, channel);
    const silent = channel === 'push' && content.silent === true && content.data !== undefined;
    const missing = silent ? null : missingText(channel, content);
    if (missing) return `message has nothing to show on ${channel}: ${missing} is required`;
  }
  return checkAddresses(message, 'message') ?? checkEmail(message.email);
}

function buildContent(message: InlineMessage, channel: Channel): Content {
  const { title, subtitle, body, data, url, image, icon, actions, passthrough, collapseKey } = message;
  switch (channel) {
    case 'push': {
      const { badge, sound, silent } = message;
      const common = { title, subtitle, body, data, url, image, icon, actions };
      return { ...common, badge, sound, collapseKey, silent, passthrough, ...message.push };
    }
    case 'email':
      return { ...buildEmail(message), passthrough };
    case 'sms':
      return { body: body ?? title, passthrough, ...message.sms };
    case 'inbox':
      return { title, body, url, image, actions, data, passthrough, collapseKey, ...message.inbox };
    case 'chat':
      return { title, body, url, image, actions, data, passthrough, ...message.chat };
    case 'webhook':
      return { title, body, url, image, actions, data, passthrough };
  }
}

function buildEmail({ title, body, url, email = {} }: InlineMessage): Content {
  const subject = toLine(
    email.subject ?? title ?? truncate((body ?? '').split('\n', 1)[0]!, MAX_SUBJECT_LENGTH),
  );
  const written = [body ?? title, url].filter((part) => part !== undefined).join('\n\n');
  const { text = written, html, replyTo, headers } = email;
  return { subject, text, html, replyTo, headers };
}

function buttonsOf({ url, actions = [] }: InlineMessage): { label: string; url: string }[] {
  const buttons = actions.flatMap((action) => (action.url ? [{ label: action.title, url: action.url }] : []));
  return url ? [{ label: 'Open', url }, ...buttons] : buttons;
}

interface Addresses {
  url?: string;
  image?: string;
  icon?: string;
  actions?: { url?: string }[];
}

function checkAddresses(
  message: Addresses & { push?: Addresses; inbox?: Addresses; chat?: Addresses },
  at: string,
): string | null {
  const complain = (field: string, rule: string | null) => (rule ? `${at}.${field} ${rule}` : null);
  const actions = message.actions ?? [];
  return (
    (message.url ? complain('url', checkUrl(message.url)) : null) ??
    (message.image ? complain('image', checkImageUrl(message.image)) : null) ??
    (message.icon ? complain('icon', checkImageUrl(message.icon)) : null) ??
    actions.map(({ url }, i) => (url ? complain(`actions.${i}.url`, checkUrl(url)) : null)).find(Boolean) ??
    (message.push ? checkAddresses(message.push, `${at}.push`) : null) ??
    (message.inbox ? checkAddresses(message.inbox, `${at}.inbox`) : null) ??
    (message.chat ? checkAddresses(message.chat, `${at}.chat`) : null)
  );
}

// What the mail itself is made of: recipients, sender, structure and signatures are ours to write.
const OWN_HEADERS =
  /^(?:from|sender|to|cc|bcc|resent-.*|subject|date|message-id|reply-to|return-path|received|dkim-signature|mime-version|content-.*)$/i;

function checkEmail(email: InlineMessage['email']): string | null {
  const own = Object.keys(email?.headers ?? {}).find((name) => OWN_HEADERS.test(name));
  if (own) return `message.email.headers must not set ${own}`;
  const complaint = checkHtmlLinks(email?.html ?? '');
  return complaint ? `message.email.html ${complaint}` : null;
}

function dropUndefined(content: Content): Content {
  const present: Record<string, unknown> = {};
  for (const name in content) {
    const value = content[name as keyof Content];
    if (value !== undefined) present[name] = value;
  }
  return present;
}
