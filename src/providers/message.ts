/** The channels a notification can take. */
export const CHANNELS = ['push', 'email', 'sms', 'chat', 'inbox', 'webhook'] as const;
export type Channel = (typeof CHANNELS)[number];

export const PLATFORMS = ['ios', 'android', 'web', 'macos', 'windows'] as const;
export type Platform = (typeof PLATFORMS)[number];

export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** One rendered message to one recipient: what a provider translates into its vendor's request. */
export interface Message {
  channel: Channel;
  recipient: Recipient;
  content: Content;
  priority: Priority;
  category: string;
  /** The id the caller of the API gave the user. */
  userId: string;
  /** Milliseconds since the epoch; after this moment the message must not be shown. */
  expiresAt?: number;
  /** Where the page or app that shows it can say that it was shown, clicked or dismissed, and as what. */
  beacon?: Beacon;
}

export interface Beacon {
  url: string;
  token: string;
}

export interface Recipient {
  /** E-mail address, E.164 number, device token, Web Push endpoint, chat id or webhook URL. Empty for the inbox. */
  address: string;
  platform?: Platform;
  /** Milliseconds since the epoch at which this device token was last registered. */
  registeredAt?: number;
  /** Public key material of the recipient: for Web Push `p256dh` and `auth` (base64url). */
  keys?: Record<string, string>;
}

/** A text that the vendor keeps and approved, and what to put into its places. */
export interface VendorTemplate {
  /** What the vendor calls it: a template id (WeChat) or name (WhatsApp). */
  id: string;
  /** In the vendor's own writing (`en_US`), for vendors that keep one text in several languages. */
  language?: string;
  /** By the name of the place, in the order in which they were written down; each provider says what names it knows. */
  parameters: Record<string, string>;
}

/** How far a vendor is with a text; only what is approved may be sent. */
export const VENDOR_TEMPLATE_STATES = ['approved', 'pending', 'rejected', 'paused', 'disabled'] as const;
export type VendorTemplateState = (typeof VENDOR_TEMPLATE_STATES)[number];

/** What a vendor tells of one of its texts. */
export interface VendorTemplateNews {
  id: string;
  /** Absent for vendors that keep one language only, and for what is said of all of them. */
  language?: string;
  state: VendorTemplateState;
  reason?: string;
}

/** Rendered content. Every field is optional; a provider uses those that its channel has. */
export interface Content {
  title?: string;
  subtitle?: string;
  body?: string;
  /** E-mail only. */
  subject?: string;
  text?: string;
  html?: string;
  replyTo?: string;
  headers?: Record<string, string>;
  /** Opened when the recipient clicks: https URL or a deep link of the app. */
  url?: string;
  image?: string;
  icon?: string;
  actions?: { id: string; title: string; url?: string }[];
  badge?: number;
  sound?: string;
  /** Replaces an earlier message with the same key where the platform can (APNs collapse id, FCM tag, Topic, inbox). */
  collapseKey?: string;
  /** Inbox: by which lists and counts can be filtered. */
  tags?: string[];
  /** Inbox: how long the message is shown. */
  expiresAfterSeconds?: number;
  /** Push: the app's own category, by which it knows what buttons to show (APNs). Default: that of the notification. */
  category?: string;
  /** Chat: what a card says in two columns. */
  fields?: { title: string; value: string }[];
  /** For vendors that deliver only texts which they approved before: which one, by provider id. */
  vendorTemplates?: Record<string, VendorTemplate>;
  /** Push without anything shown: only `data` reaches the app. */
  silent?: boolean;
  /** The app's own values; objects and numbers are turned into text where a platform has text only. */
  data?: Record<string, unknown>;
  /** Vendor-specific additions, by provider id, merged into the vendor's request body as they are. */
  passthrough?: Record<string, Record<string, unknown>>;
}
