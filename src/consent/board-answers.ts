import { CHANNELS, type Channel } from '../providers/index.ts';
import { type BoardForm, buildBoard, changesOf } from './board.ts';
import { boardPage, type Notice, OFTEN } from './board-page.ts';
import { type Change, readChanges, refuseEverything, undoOf } from './changes.ts';
import { textsOf } from './form.ts';
import { chooseLanguage } from './language.ts';
import type { Answered, PageOptions, Visit } from './pages.ts';
import { type Person, say, withPerson } from './person.ts';
import type { Texts } from './texts.ts';

/** Where a change came from, as it is stored. */
const SOURCE = 'page';

/** What a form asks for. */
type Wish =
  | { kind: 'look' }
  | { kind: 'save'; form: BoardForm }
  | { kind: 'nothing' }
  | { kind: 'undo'; changes: Change[] };

/** `/p/{token}`: everything that the user may choose, and his choosing. */
export async function answerBoard(visit: Visit, options: PageOptions): Promise<Answered> {
  const { subject, acceptLanguage } = visit;
  const wish = await readWish(visit, options);
  if (!wish) return { failure: 'bad' };
  const links = (await options.links.forTenants([subject.tenantId])).get(subject.tenantId)!;
  const proven = CHANNELS.find((channel) => channel === subject.detail) ?? null;
  const answered = await withPerson(options, subject, async (before, db): Promise<Answered> => {
    const language = chooseLanguage(before.locale, acceptLanguage);
    const changes = changesFor(wish, before, proven);
    const after = await say(db, before, { changes, source: SOURCE, now: new Date(options.clock.now()) });
    const undo =
      wish.kind === 'undo' || changes.length === 0 ? null : links.undo(before, undoOf(changes, before));
    const text = noticeText(wish, changes, language.texts);
    const notice: Notice | null = text === null ? null : { text, undo };
    const page = boardPage(boardOf(after, proven), language, { notice, live: subject.live });
    return { locale: before.locale, page };
  });
  return answered ?? { failure: 'gone' };
}

async function readWish({ form, subject }: Visit, { links }: PageOptions): Promise<Wish | null> {
  if (!form) return { kind: 'look' };
  const undo = form.get('undo');
  if (typeof undo === 'string') {
    const opened = await links.open(undo, 'undo');
    const isHis = opened?.tenantId === subject.tenantId && opened.userId === subject.userId;
    return isHis ? { kind: 'undo', changes: readChanges(opened.detail) } : null;
  }
  if (form.get('do') === 'nothing') return { kind: 'nothing' };
  if (form.get('do') !== 'save') return null;
  const often = new Map<string, string>();
  for (const [name, value] of form)
    if (name.startsWith(OFTEN) && typeof value === 'string') often.set(name.slice(OFTEN.length), value);
  return { kind: 'save', form: { shown: textsOf(form, 'shown'), on: textsOf(form, 'on'), often } };
}

function changesFor(wish: Wish, person: Person, proven: Channel | null): Change[] {
  switch (wish.kind) {
    case 'look':
      return [];
    case 'save':
      return changesOf(boardOf(person, proven), wish.form);
    case 'nothing':
      return refuseEverything(person.preferences);
    case 'undo':
      return wish.changes;
  }
}

function boardOf({ categories, channels, preferences, frequencies }: Person, proven: Channel | null) {
  return buildBoard({ categories: categories.all, channels, preferences, frequencies, proven });
}

function noticeText({ kind }: Wish, changes: readonly Change[], texts: Texts): string | null {
  switch (kind) {
    case 'look':
      return null;
    case 'save':
      return changes.length > 0 ? texts.saved : texts.unchanged;
    case 'nothing':
      return texts.everythingDone;
    case 'undo':
      return texts.undone;
  }
}
