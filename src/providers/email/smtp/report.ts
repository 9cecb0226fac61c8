/** One entity of MIME: the fields of its header by lower-case names, and what follows. */
export interface Entity {
  fields: Map<string, string>;
  body: string;
}

/** What tells of a failure stands in front of the copy of the mail. */
const MAX_CHARACTERS = 256 * 1024;
const MAX_PARTS = 20;

/** The text of a raw message, as far as it is read: bytes become characters one by one, line ends become LF. */
export function textOf(raw: Uint8Array): string {
  return Buffer.from(raw).subarray(0, MAX_CHARACTERS).toString('latin1').replaceAll('\r\n', '\n');
}

/** Everything here goes through the text once: no input makes it slow. */
export function readEntity(text: string): Entity {
  if (text.startsWith('\n')) return { fields: new Map(), body: text.slice(1) };
  const end = text.indexOf('\n\n');
  if (end < 0) return { fields: readFields(text), body: '' };
  return { fields: readFields(text.slice(0, end)), body: text.slice(end + 2) };
}

/** `Name: value` lines (RFC 5322, 2.2), folded ones joined. The first of a name counts. */
export function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  let isFirst = false;
  for (const line of text.split('\n')) {
    if (/^[ \t]/.test(line)) {
      if (isFirst) fields.set(name, `${fields.get(name)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    name = colon > 0 ? line.slice(0, colon).trim().toLowerCase() : '';
    isFirst = name !== '' && !fields.has(name);
    if (isFirst) fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** The media type, without its parameters, in lower case. */
export function typeOf({ fields }: Entity): string {
  return (fields.get('content-type') ?? 'text/plain').split(';', 1)[0]!.trim().toLowerCase();
}

/** The parts of a multipart entity (RFC 2046, 5.1), or none. */
export function partsOf({ fields, body }: Entity): Entity[] {
  const boundary = /;\s*boundary=(?:"([^"\n]{1,200})"|([^\s;]{1,200}))/i.exec(
    fields.get('content-type') ?? '',
  );
  if (!boundary) return [];
  const delimiter = `\n--${boundary[1] ?? boundary[2]}`;
  const parts: Entity[] = [];
  const text = `\n${body}`;
  let at = text.indexOf(delimiter);
  while (at >= 0 && parts.length < MAX_PARTS) {
    const from = at + delimiter.length;
    if (text.startsWith('--', from)) break;
    const lineEnd = text.indexOf('\n', from);
    if (lineEnd < 0) break;
    at = text.indexOf(delimiter, lineEnd);
    parts.push(readEntity(text.slice(lineEnd + 1, at < 0 ? undefined : at)));
  }
  return parts;
}

/** The groups of fields of a status report (RFC 3464, 2.1): those of the message, then those of each recipient. */
export function readGroups(body: string): Map<string, string>[] {
  return body
    .split('\n\n')
    .slice(0, MAX_PARTS)
    .map(readFields)
    .filter((fields) => fields.size > 0);
}
