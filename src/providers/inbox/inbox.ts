import { type Content, defineInboxProvider, type InboxItem } from '../contract.ts';

/** Schemes that run or read something on the page that shows the message; the app's own deep links are none of them. */
const DANGEROUS_URL = /^(?:javascript|data|vbscript|file|blob):/i;

/** The built-in inbox: the message is stored for the user's bell icon, in one transaction with its result. */
export default defineInboxProvider({
  id: 'inbox',
  channel: 'inbox',
  name: 'Inbox',
  docs: '/docs',
  transport: 'inbox',
  reaches: 'user',
  testDefault: true,
  fields: {},
  limits: { payloadBytes: 65_536, connectTimeoutMs: 5_000, deadlineMs: 5_000, maxInFlight: 100 },
  supports: { dedupeKey: true, replaces: true, receipts: false, beacons: true },
  testConfig: () => ({}),

  request({ content, beacon }) {
    const url = safeUrl(content.url);
    const image = safeUrl(content.image);
    return {
      title: content.title ?? '',
      body: content.body ?? '',
      ...(url && { url }),
      ...(image && { image }),
      actions: (content.actions ?? []).map(({ id, title, url: target }) => {
        const actionUrl = safeUrl(target);
        return { id, title, ...(actionUrl && { url: actionUrl }) };
      }),
      data: content.data ?? {},
      ...(beacon && { beacon }),
      ...keepingOf(content),
    };
  },
});

function keepingOf({ collapseKey, tags, expiresAfterSeconds }: Content): Pick<InboxItem, 'keeping'> {
  if (collapseKey === undefined && tags === undefined && expiresAfterSeconds === undefined) return {};
  return {
    keeping: {
      ...(collapseKey && { collapseKey }),
      ...(tags && { tags }),
      ...(expiresAfterSeconds && { expiresAfterSeconds }),
    },
  };
}

/** Browsers skip control characters and blanks in front of a scheme, and line breaks and tabs inside of it. */
function safeUrl(url: string | undefined): string | undefined {
  return url && !DANGEROUS_URL.test(url.replace(/[\0-\x20]/g, '')) ? url : undefined;
}
