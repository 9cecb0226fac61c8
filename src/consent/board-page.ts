import { type Category, inLocale } from '../rules/index.ts';
import { type Board, type Cell, cellName, LOCKS, type Lock, type Often, type Section } from './board.ts';
import { html, type Markup } from './html.ts';
import type { Language } from './language.ts';
import type { Page } from './layout.ts';
import type { Texts } from './texts.ts';

/** How forms name what says how often a category comes: this, and its id. */
export const OFTEN = 'often/';

/** What just happened, told above everything else. */
export interface Notice {
  text: string;
  /** The token of a form that takes it back. */
  undo: string | null;
}

/** The page with everything that a user may choose. */
export function boardPage(
  board: Board,
  language: Language,
  { notice, live }: { notice: Notice | null; live: boolean },
): Page {
  const { texts } = language;
  const isEmpty = board.sections.length === 0;
  const body = html`${live ? null : testWarning(texts)}
${notice && renderNotice(notice, texts)}
<p>${isEmpty ? texts.nothing : texts.intro}</p>
${isEmpty ? null : choices(board, language)}
${board.isAllOff || board.sections.every(({ cells }) => cells.length === 0) ? null : everything(texts)}
${board.always.length > 0 && always(board.always, language)}`;
  return { status: 200, title: texts.title, body };
}

export function testWarning(texts: Texts): Markup {
  return html`<p class="warning">${texts.test}</p>`;
}

export function renderNotice({ text, undo }: Notice, texts: Texts): Markup {
  const form =
    undo &&
    html`<form method="post"><input type="hidden" name="undo" value="${undo}"><button>${texts.undo}</button></form>`;
  return html`<div class="notice" role="status"><p>${text}</p>${form}</div>`;
}

function choices({ sections }: Board, language: Language): Markup {
  return html`<form method="post">
${sections.map((section) => renderSection(section, language))}
<p class="save"><button class="main" name="do" value="save">${language.texts.save}</button></p>
</form>`;
}

function renderSection({ category, cells, often }: Section, language: Language): Markup {
  const { texts } = language;
  const { description } = inLocale(category, language.tag);
  const open = cells.filter(({ lock }) => lock === null);
  return html`<fieldset>
<legend>${nameOf(category, language)}</legend>
${description && html`<p class="quiet">${description}</p>`}
${
  open.length > 0 &&
  html`<ul class="choices">
${open.map((cell) => choice(category, cell, texts))}</ul>`
}
${LOCKS.map((lock) => locked(category, { lock, cells: cells.filter((cell) => cell.lock === lock) }, texts))}
${often && howOften(category, often, texts)}
</fieldset>
`;
}

function choice(category: Category, cell: Cell, texts: Texts): Markup {
  const name = cellName(category, cell);
  return html`<li><input type="hidden" name="shown" value="${name}"><label><input type="checkbox" name="on"
 value="${name}"${cell.isOn && html` checked`}>${texts.channels[cell.channel]}</label></li>
`;
}

function howOften({ id }: Category, { options, chosen }: Often, texts: Texts): Markup {
  return html`<p class="often"><label>${texts.howOften} <select name="${OFTEN}${id}">
${options.map(
  (option) =>
    html`<option value="${option}"${option === chosen && html` selected`}>${texts.frequencies[option]}</option>
`,
)}</select></label></p>`;
}

/** What cannot be chosen, with one reason for all that it holds for. */
function locked(
  { id }: Category,
  { lock, cells }: { lock: Lock; cells: Cell[] },
  texts: Texts,
): Markup | null {
  if (cells.length === 0) return null;
  const why = `why-${id}-${lock}`;
  const boxes = cells.map(
    ({ channel }) =>
      html`<li><label><input type="checkbox" disabled aria-describedby="${why}">${texts.channels[channel]}</label></li>
`,
  );
  return html`<ul class="choices locked">
${boxes}</ul>
<p class="why" id="${why}">${texts[lock]}</p>`;
}

function everything(texts: Texts): Markup {
  return html`<section class="card"><h2>${texts.everythingTitle}</h2>
<p class="quiet">${texts.everythingHint}</p>
<form method="post"><button name="do" value="nothing">${texts.everything}</button></form></section>`;
}

function always(categories: Category[], language: Language): Markup {
  const { texts } = language;
  return html`<section class="card"><h2>${texts.alwaysTitle}</h2>
<p class="quiet">${texts.alwaysHint}</p>
<ul>${categories.map((category) => html`<li>${nameOf(category, language)}</li>`)}</ul></section>`;
}

/** What the tenant calls it; what is built in and has no name yet is called something in the user's language. */
export function nameOf(category: Category, { tag, texts: { categories } }: Language): string {
  const { id } = category;
  const { name } = inLocale(category, tag);
  return name === id && Object.hasOwn(categories, id) ? categories[id as keyof typeof categories] : name;
}
