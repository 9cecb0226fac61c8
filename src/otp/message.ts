import type { NotificationBody } from '../accept/index.ts';
import { sealedMark } from '../queue/index.ts';
import type { OtpSettings } from './settings.ts';
import type { Asked } from './store.ts';
import { autofillLines, sayCode } from './text.ts';

/** In place of the code in all that is stored, and in all that hooks are shown. */
const CODE = sealedMark('code');

/** What the tenant's own template is given. Pure. */
export function variablesFor(asked: Asked, { brand }: Pick<OtpSettings, 'brand'>): Record<string, unknown> {
  const minutes = minutesOf(asked);
  return { code: CODE, minutes, brand: brand ?? '', autofill: autofillLines(CODE, asked) };
}

/** The notification that brings a code. Pure. */
export function buildNotification(
  asked: Asked,
  { brand, template }: Pick<OtpSettings, 'brand' | 'template'>,
  { userId, expiresAt }: { userId: string; expiresAt: Date },
): NotificationBody {
  const shared = {
    userId,
    category: 'otp',
    priority: 'high' as const,
    // Whatever the tenant made of the category.
    digest: { enabled: false },
    expiresAt: expiresAt.toISOString(),
    ...roadOf(asked),
  };
  if (template) return { ...shared, template: { id: template, variables: variablesFor(asked, { brand }) } };
  const { domain, appHash, locale } = asked;
  const said = sayCode({ code: CODE, minutes: minutesOf(asked), brand, domain, appHash, locale });
  const { body, sms, subject } = said;
  return { ...shared, message: { title: subject, body, sms, email: { subject } } };
}

function roadOf({ channels, waitSeconds, until }: Asked): Pick<NotificationBody, 'channels' | 'ladder'> {
  if (channels.length === 1) return { channels };
  const steps = channels.map((channel, i) => ({
    channels: [channel],
    ...(i < channels.length - 1 && { waitSeconds }),
  }));
  return { ladder: { steps, until: until === 'approved' ? 'confirmed' : 'delivered' } };
}

function minutesOf({ expiresInSeconds }: Asked): number {
  return Math.ceil(expiresInSeconds / 60);
}
