import { confirmPreference } from '../rules/index.ts';
import { type Change, readChanges, undoOf } from './changes.ts';
import { chooseLanguage } from './language.ts';
import { readTopic } from './links.ts';
import type { Answered, PageOptions, Visit } from './pages.ts';
import { type Person, say, withPerson } from './person.ts';
import { askOptIn, askUnsubscribe, ONE_CLICK, type TopicFacts, topicDone } from './topic-page.ts';

/** Where a change came from, as it is stored. */
const ONE_CLICK_SOURCE = 'one-click';
const UNDO_SOURCE = 'page';
const CONFIRMED_SOURCE = 'confirmed';

/** `/u/{token}`: a POST unsubscribes at once (RFC 8058), looking at it asks whether to. */
export async function answerUnsubscribe(visit: Visit, options: PageOptions): Promise<Answered> {
  const { subject, form } = visit;
  const topic = readTopic(subject.detail);
  const undo = form?.get('undo');
  const opened = typeof undo === 'string' ? await options.links.open(undo, 'undo') : null;
  const isHis = opened?.tenantId === subject.tenantId && opened.userId === subject.userId;
  const undoing = isHis ? readChanges(opened.detail) : null;
  const isOneClick = form?.get(ONE_CLICK.name) === ONE_CLICK.value;
  if (form && !undoing && !isOneClick) return { failure: 'bad' };
  const changes: Change[] = undoing ?? [{ ...topic, choice: 'out' }];
  const source = undoing ? UNDO_SOURCE : ONE_CLICK_SOURCE;
  const now = new Date(options.clock.now());
  const links = (await options.links.forTenants([subject.tenantId])).get(subject.tenantId)!;
  const answered = await withPerson(options, subject, async (person, db): Promise<Answered> => {
    const facts = factsOf(visit, person, links.preferences(person, topic.channel));
    const { locale } = person;
    if (!form) return { locale, page: askUnsubscribe(facts) };
    await say(db, person, { changes, source, now });
    const { unsubscribeTitle: title, unsubscribed, undone } = facts.language.texts;
    const said = undoing
      ? { title, text: undone, undo: null }
      : { title, text: unsubscribed, undo: links.undo(person, undoOf(changes, person)) };
    return { locale, page: topicDone(facts, said) };
  });
  return answered ?? { failure: 'gone' };
}

/** `/c/{token}`: a POST makes the yes a confirmed one. What the app has taken back meanwhile is gone. */
export async function answerOptIn(visit: Visit, options: PageOptions): Promise<Answered> {
  const { subject, form } = visit;
  const topic = readTopic(subject.detail);
  if (form && form.get('do') !== 'confirm') return { failure: 'bad' };
  const now = new Date(options.clock.now());
  const links = (await options.links.forTenants([subject.tenantId])).get(subject.tenantId)!;
  const answered = await withPerson(options, subject, async (person, db): Promise<Answered> => {
    const facts = factsOf(visit, person, links.preferences(person, topic.channel));
    const { locale, preferences } = person;
    const isOpen = preferences.some(
      ({ category, channel }) => category === topic.category && channel === topic.channel,
    );
    if (!isOpen) return { failure: 'gone' };
    if (!form) return { locale, page: askOptIn(facts) };
    const user = { tenantId: person.tenantId, id: person.id };
    await confirmPreference(db, user, { ...topic, source: CONFIRMED_SOURCE, now });
    const { optInTitle: title, optedIn: text } = facts.language.texts;
    return { locale, page: topicDone(facts, { title, text, undo: null }) };
  });
  return answered ?? { failure: 'gone' };
}

function factsOf({ subject, acceptLanguage }: Visit, person: Person, allUrl: string): TopicFacts {
  const { category, channel } = readTopic(subject.detail);
  return {
    language: chooseLanguage(person.locale, acceptLanguage),
    category: person.categories.of(category),
    channel,
    live: subject.live,
    allUrl,
  };
}
