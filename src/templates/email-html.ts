import type { FieldProblem } from '../http/index.ts';
import type { Definition, LocaleContent } from './definition.ts';
import { putIntoLayout, textsOf } from './fragments.ts';
import { checkLocale } from './locale.ts';
import type { MjmlAnswer } from './mjml.ts';

type Compile = (mjml: string) => Promise<MjmlAnswer>;

/**
 * Writes the HTML of e-mails that are written in MJML into the definition. Done once, when a version is saved: it
 * stays as it is when MJML changes, and sending costs nothing more.
 */
export async function writeEmailHtml(definition: Definition, compile: Compile): Promise<FieldProblem[]> {
  const problems: FieldProblem[] = [];
  const fragments = textsOf(definition.fragments);
  for (const [locale, content] of Object.entries(definition.channels.email ?? {})) {
    const { mjml, html, layout } = content;
    if (mjml === undefined) continue;
    const at = `/channels/email/${locale}`;
    const refuse = (field: string, rule: string) => problems.push({ field: at + field, rule });
    if (html !== undefined) refuse('/html', 'is made of mjml, and must not be given with it');
    const whole = putIntoLayout({ layout, html: mjml }, fragments, refuse).html!;
    const answer = problems.length === 0 ? await compile(whole) : null;
    if (!answer) continue;
    if ('problem' in answer) refuse('/mjml', answer.problem);
    else content.html = speak(answer.html, locale);
  }
  return problems;
}

/** A mail in MJML that names no language is in that of its locale. */
function speak(html: string, locale: string): string {
  return checkLocale(locale) === null ? html.replace('<html lang="und"', `<html lang="${locale}"`) : html;
}

/** A definition as it was written: HTML that was made of MJML is no part of it. */
export function asWritten(definition: Definition): Definition {
  const { email } = definition.channels;
  if (!email) return definition;
  const written = Object.entries(email).map(([locale, content]): [string, LocaleContent] => {
    const { html, ...rest } = content;
    return [locale, content.mjml === undefined ? content : rest];
  });
  return { ...definition, channels: { ...definition.channels, email: Object.fromEntries(written) } };
}
