import { MaskedUrl, type Secret } from '../../../lib/secret.ts';

/**
 * Where a webhook's messages go. Whoever knows the address can write there, so only its host is printed. With a base URL
 * of the connection's own (a proxy, a test server) in place of the vendor's, path and query stay.
 */
export function ownUrl(
  webhookUrl: Secret,
  { baseUrl, vendorUrl }: { baseUrl: string; vendorUrl: string },
): MaskedUrl {
  const url = new URL(webhookUrl.reveal());
  const base = baseUrl === vendorUrl ? url.origin : baseUrl;
  return new MaskedUrl(`${base}${url.pathname}${url.search}`, `${base}/***`);
}
