import type { Reader } from './reader.ts';

/** A place in a JSON value (RFC 6901). */
export type Pointer = string[];

const MOST = 5;
const SYNTAX = {
  regex: /^(?:\/(?:[^~/]|~[01])*)*$/,
  hint: 'a JSON Pointer, such as /messages/0/id',
};

export function compilePointer(value: unknown, reader: Reader): Pointer | undefined {
  const text = reader.text(value, SYNTAX);
  return text
    ?.split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** One, or a list of places to look at in turn; none when it is not given. */
export function compilePointers(value: unknown, reader: Reader): Pointer[] {
  const given = value === undefined ? [] : Array.isArray(value) ? reader.list(value, MOST) : [value];
  return given.flatMap((one) => {
    const pointer = compilePointer(one, reader);
    return pointer ? [pointer] : [];
  });
}

export function valueAt(root: unknown, pointer: Pointer): unknown {
  let value = root;
  for (const name of pointer) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
