import type { Category } from '../rules/index.ts';
import { type Board, type Cell, cellName } from './board.ts';
import { html, type Markup } from './html.ts';
import type { Language } from './language.ts';
import type { Page } from './layout.ts';
import type { Texts } from './texts.ts';

/** What just happened, told above everything else. */
export interface Notice {
  text: string;
  /** The token of a form that takes it back. */
  undo: string | null;
}

/** The page with everything that a user may choose. */
export function boardPage(
  board: Board,
  { texts }: Language,
  { notice, live }: { notice: Notice | null; live: boolean },
): Page {
  const isEmpty = board.sections.length === 0;
  const body = html`${live ? null : testWarning(texts)}
${notice && renderNotice(notice, texts)}
<p>${isEmpty ? texts.nothing : texts.intro}</p>
${isEmpty ? null : choices(board, texts)}
${isEmpty || board.isAllOff ? null : everything(texts)}
${board.always.length > 0 && always(board.always, texts)}`;
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

function choices({ sections }: Board, texts: Texts): Markup {
  return html`<form method="post">
${sections.map(({ category, cells }) => section(category, cells, texts))}
<p class="save"><button class="main" name="do" value="save">${texts.save}</button></p>
</form>`;
}

function section(category: Category, cells: Cell[], texts: Texts): Markup {
  const { description } = category;
  return html`<fieldset>
<legend>${nameOf(category, texts)}</legend>
${description && html`<p class="quiet">${description}</p>`}
<ul class="choices">
${cells.map((cell) => choice(category, cell, texts))}
</ul>
</fieldset>
`;
}

function choice(category: Category, cell: Cell, texts: Texts): Markup {
  const name = cellName(category, cell);
  const label = texts.channels[cell.channel];
  if (cell.lock) {
    const isChecked = cell.isOn && cell.lock !== 'unreachable';
    return html`<li class="locked"><label><input type="checkbox" disabled${isChecked && html` checked`}
 aria-describedby="why-${name}">${label}</label><p class="why" id="why-${name}">${texts[cell.lock]}</p></li>
`;
  }
  return html`<li><input type="hidden" name="shown" value="${name}"><label><input type="checkbox" name="on"
 value="${name}"${cell.isOn && html` checked`}>${label}</label></li>
`;
}

function everything(texts: Texts): Markup {
  return html`<section class="card"><h2>${texts.everythingTitle}</h2>
<p class="quiet">${texts.everythingHint}</p>
<form method="post"><button name="do" value="nothing">${texts.everything}</button></form></section>`;
}

function always(categories: Category[], texts: Texts): Markup {
  return html`<section class="card"><h2>${texts.alwaysTitle}</h2>
<p class="quiet">${texts.alwaysHint}</p>
<ul>${categories.map((category) => html`<li>${nameOf(category, texts)}</li>`)}</ul></section>`;
}

/** What the tenant calls it; what is built in and has no name yet is called something in the user's language. */
export function nameOf({ id, name }: Pick<Category, 'id' | 'name'>, { categories }: Texts): string {
  return name === id && Object.hasOwn(categories, id) ? categories[id as keyof typeof categories] : name;
}
