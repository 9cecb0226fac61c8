import PostalMime, { type Address } from 'postal-mime';
import { truncate } from '../lib/text.ts';
import type { SimulatedMessage } from './mailbox.ts';
import { PREVIEW_HEADER, parsePreview, shorten } from './preview.ts';

const PREVIEW_LINES = new RegExp(`^${PREVIEW_HEADER}:.*(\\r?\\n[ \\t].*)*\\r?\\n`, 'im');
const MAX_SOURCE = 64 * 1024;
const MAX_HEADERS = 100;

/** The fields of a message that its mail tells. */
type MailFields = Pick<SimulatedMessage, 'content' | 'raw'> & Partial<SimulatedMessage>;

export async function parseMail(source: Buffer): Promise<MailFields> {
  const text = source.toString('utf8', 0, MAX_SOURCE).replace(PREVIEW_LINES, '');
  const raw = { source: truncate(text, MAX_SOURCE) };
  try {
    const mail = await PostalMime.parse(source, { maxNestingDepth: 20, maxHeadersSize: 256 * 1024 });
    const header = mail.headers.find(({ key }) => key === PREVIEW_HEADER)?.value;
    const { provider: _, content, ...preview } = parsePreview(header?.replace(/\s+/g, '')) ?? { content: {} };
    return {
      ...preview,
      content: {
        ...content,
        subject: mail.subject ?? '',
        ...(mail.text !== undefined && { text: shorten(mail.text) }),
        ...(mail.html !== undefined && { html: shorten(mail.html) }),
      },
      mail: {
        from: formatAddress(mail.from),
        to: (mail.to ?? []).map(formatAddress).join(', '),
        headers: mail.headers
          .filter(({ key }) => key !== PREVIEW_HEADER)
          .slice(0, MAX_HEADERS)
          .map(({ key, value }) => [key, truncate(value, 2_000)]),
      },
      raw,
    };
  } catch {
    // Whatever it is, it is no mail; the source shows it.
    return { content: {}, raw };
  }
}

function formatAddress(address: Address | undefined): string {
  if (!address) return '';
  if (address.group) return address.group.map(formatAddress).join(', ');
  return address.name ? `${address.name} <${address.address}>` : (address.address ?? '');
}
