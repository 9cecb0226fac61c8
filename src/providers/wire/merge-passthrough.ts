type Json = Record<string, unknown>;

/** The vendor's own fields over ours: objects are merged to any depth, everything else is replaced. */
export function mergePassthrough(body: Json, extra: Json | undefined): Json {
  if (!extra) return body;
  const merged = Object.entries(extra).map(([name, value]): [string, unknown] => {
    const ours = Object.hasOwn(body, name) ? body[name] : undefined;
    return [name, isObject(ours) && isObject(value) ? mergePassthrough(ours, value) : value];
  });
  return { ...body, ...Object.fromEntries(merged) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
