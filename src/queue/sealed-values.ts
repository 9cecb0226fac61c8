/** What stands in a message in place of a sealed value: plain characters that rendering and escaping leave alone. */
export function sealedMark(name: string): string {
  return `[sealed:${name}]`;
}

/** Where the sealed values of a notification belong: in another one they do not open. */
export function sealedPlace({ tenantId, notificationId }: { tenantId: string; notificationId: string }) {
  return { tenantId, thing: `notification/${notificationId}`, version: 1 };
}
