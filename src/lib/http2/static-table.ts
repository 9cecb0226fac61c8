/** RFC 7541, appendix A: entry 1 is the first one; `name` or `name value`. */
const ENTRIES = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split('\n');

export interface Field {
  name: string;
  value: string;
}

/** RFC 7541, 4.1: what an entry costs besides its name and value. */
export const FIELD_OVERHEAD = 32;
/** RFC 9113, 6.5.2: the size of the dynamic table before anybody says otherwise. */
export const DEFAULT_TABLE_BYTES = 4_096;

export const STATIC_TABLE: readonly Field[] = ENTRIES.map((entry) => {
  const space = entry.indexOf(' ');
  return space < 0
    ? { name: entry, value: '' }
    : { name: entry.slice(0, space), value: entry.slice(space + 1) };
});

/** The place of each name's first entry. */
export const STATIC_PLACES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(({ name }, index): [string, number] => [name, index + 1]).reverse(),
);
