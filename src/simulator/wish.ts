const MARK = 'simulate-';
// The longest example name is shorter by far.
const LONGEST_NAME = 64;

/**
 * The behaviour a request asks for: `simulate-<name>` in its path, body or preview wins over the mix, so that
 * one device token or address can be bad while all others are good. Case is ignored after the mark: e-mail
 * addresses often arrive in lower case.
 */
export function findWish(texts: (string | Buffer)[], names: Set<string>): string | null {
  for (const text of texts) {
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + 1)) {
      const from = at + MARK.length;
      const asked = text
        .slice(from, from + LONGEST_NAME)
        .toString()
        .toLowerCase();
      const found = [...names].filter((name) => asked.startsWith(name.toLowerCase()));
      // Of `retry` and `retryLater` the longer one is meant.
      if (found.length > 0) return found.reduce((a, b) => (b.length > a.length ? b : a));
    }
  }
  return null;
}
