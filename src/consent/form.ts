const FORM = /^(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i;

/** The fields of a form: RFC 8058 lets mail programs choose how they write it. Null when it is none, or not whole. */
export async function readForm(
  contentType: string | undefined,
  body: Buffer | undefined,
): Promise<FormData | null> {
  if (contentType === undefined || !FORM.test(contentType)) return null;
  const response = new Response(new Uint8Array(body ?? []), { headers: { 'content-type': contentType } });
  return response.formData().catch(() => null);
}

/** All texts of one name; files are none. */
export function textsOf(form: FormData, name: string): Set<string> {
  return new Set(form.getAll(name).filter((value) => typeof value === 'string'));
}
