import { escapeHtml } from '../lib/text.ts';

/** HTML that may be written as it is. Only `html` makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | null | false | readonly Part[];

/** Tagged template: what is put in is escaped, unless it was made by `html` itself; null and false are nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  let text = strings[0]!;
  for (const [index, part] of parts.entries()) text += write(part) + strings[index + 1]!;
  return new Markup(text);
}

function write(part: Part): string {
  if (part === null || part === false) return '';
  if (part instanceof Markup) return part.text;
  return Array.isArray(part) ? part.map(write).join('') : escapeHtml(String(part));
}
