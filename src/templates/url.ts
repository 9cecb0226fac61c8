const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

// Schemes that run code, read local things or show a document of the caller's making in our origin. Everything
// else that is not the web is taken for a deep link of the recipient's app.
const REFUSED = new Set([
  'javascript',
  'data',
  'vbscript',
  'file',
  'blob',
  'filesystem',
  'about',
  'view-source',
  'jar',
]);

/** Why a recipient must not be sent to this address, or null when he may: https, http, mailto, tel and app schemes. */
export function checkUrl(url: string): string | null {
  // Browsers drop tabs and line breaks inside an address: "java\nscript:" would become a scheme again.
  if (/[\u0000-\u0020\u007f]/.test(url)) return 'must be a URL without spaces and control characters';
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) return 'must be an absolute URL (https, http, mailto, tel or a scheme of an app)';
  if (REFUSED.has(scheme)) return `must not be a ${scheme}: URL`;
  if ((scheme === 'https' || scheme === 'http') && !URL.canParse(url)) return 'must be a valid URL';
  return null;
}

/** Why a picture cannot be loaded from this address, or null when it can: the web only. */
export function checkImageUrl(url: string): string | null {
  return checkUrl(url) ?? (/^https?:/i.test(url) ? null : 'must be an https or http URL');
}

const ADDRESS =
  /\b(?:href|src|action|formaction|background|poster)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi;
const EMBEDDED_PICTURE = /^data:image\/(?:png|jpeg|gif|webp)[;,]/i;

/** Why rendered HTML must not be sent, or null: an address in it runs code or reads local things. */
export function checkHtmlLinks(html: string): string | null {
  for (const [, double, single, bare] of html.matchAll(ADDRESS)) {
    const address = decodeCharacters(double ?? single ?? bare ?? '').replace(/[\u0000-\u0020\u007f]/g, '');
    const scheme = SCHEME.exec(address)?.[1]?.toLowerCase();
    if (scheme !== undefined && REFUSED.has(scheme) && !EMBEDDED_PICTURE.test(address)) {
      return `must not link to a ${scheme}: URL`;
    }
  }
  return null;
}

/** Character references that could spell or break up a scheme; the named ones for letters do not exist. */
function decodeCharacters(text: string): string {
  return text
    .replace(/&#(?:x([0-9a-f]{1,6})|(\d{1,7}));?/gi, (_all, hex, decimal) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    })
    .replace(/&(?:Tab|NewLine);/g, '')
    .replace(/&colon;/g, ':');
}
