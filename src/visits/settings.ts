import type { Category } from '../rules/index.ts';

/** What a tenant wants to know of visits. */
export interface TrackingSettings {
  /** Whether categories that say nothing themselves are tracked. */
  enabled: boolean;
  /** By an invisible picture in the HTML part of mails. */
  opens: boolean;
  /** By links in the HTML part of mails that lead over us. */
  clicks: boolean;
  /** Links in the text part as well, where they are seen as they are. */
  textLinks: boolean;
  /** Web push and inbox items say by themselves when they are shown, clicked and dismissed. */
  beacons: boolean;
  /** Also over providers that can track by themselves. */
  overVendors: boolean;
  /** Where tracked addresses lead instead of the installation's own origin. */
  origin: string | null;
}

/** The privacy-friendly default: nothing is tracked until a tenant says so. */
export const UNTRACKED: TrackingSettings = {
  enabled: false,
  opens: true,
  clicks: true,
  textLinks: false,
  beacons: true,
  overVendors: false,
  origin: null,
};

/** What decides about one message. */
export interface TrackedFacts {
  channel: string;
  category: Pick<Category, 'kind' | 'tracking'>;
  /** What the caller said of this notification. */
  asked: boolean | undefined;
  provider: { supports: { visits?: boolean; beacons?: boolean } };
}

/** What is tracked of one message. */
export type Wanted = Pick<TrackingSettings, 'opens' | 'clicks' | 'textLinks' | 'beacons'>;

const NOTHING: Wanted = { opens: false, clicks: false, textLinks: false, beacons: false };

/**
 * What of a message is tracked; null for nothing. Security never is; a caller can only say no; then the category
 * decides, then the tenant. Pure.
 */
export function decideTracking(
  { channel, category, asked, provider }: TrackedFacts,
  settings: TrackingSettings,
): Wanted | null {
  if (category.kind === 'security' || asked === false) return null;
  if (!(category.tracking ?? settings.enabled)) return null;
  const { opens, clicks, textLinks, beacons, overVendors } = settings;
  if (provider.supports.beacons) return beacons ? { ...NOTHING, beacons } : null;
  if (channel !== 'email' || (provider.supports.visits && !overVendors)) return null;
  return opens || clicks ? { opens, clicks, textLinks: clicks && textLinks, beacons: false } : null;
}
