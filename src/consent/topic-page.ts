import type { Category } from '../rules/index.ts';
import { type Notice, nameOf, renderNotice, testWarning } from './board-page.ts';
import { html } from './html.ts';
import { fill, type Language } from './language.ts';
import type { Page } from './layout.ts';
import type { Topic } from './links.ts';

/** RFC 8058, 3.1: what the body of a one-click request says; our own button says the same. */
export const ONE_CLICK = { name: 'List-Unsubscribe', value: 'One-Click' } as const;

/** What the pages about one category on one channel have in common. */
export interface TopicFacts {
  language: Language;
  category: Category;
  channel: Topic['channel'];
  live: boolean;
  /** The page with everything. */
  allUrl: string;
}

/** Asks before it unsubscribes: programs that follow every link of a mail must change nothing. */
export function askUnsubscribe(facts: TopicFacts): Page {
  const { texts } = facts.language;
  return ask(facts, {
    title: texts.unsubscribeTitle,
    question: texts.unsubscribeAsk,
    button: texts.unsubscribe,
    field: ONE_CLICK,
  });
}

export function askOptIn(facts: TopicFacts): Page {
  const { texts } = facts.language;
  return ask(facts, {
    title: texts.optInTitle,
    question: texts.optInAsk,
    button: texts.optIn,
    field: { name: 'do', value: 'confirm' },
  });
}

/** Says what has happened. */
export function topicDone(
  facts: TopicFacts,
  said: { title: string; text: string; undo: string | null },
): Page {
  const { texts } = facts.language;
  const notice: Notice = { text: fillIn(said.text, facts), undo: said.undo };
  const body = html`${facts.live ? null : testWarning(texts)}
${renderNotice(notice, texts)}
${allSettings(facts)}`;
  return { status: 200, title: said.title, body };
}

function ask(
  facts: TopicFacts,
  {
    title,
    question,
    button,
    field,
  }: Record<'title' | 'question' | 'button', string> & {
    field: { name: string; value: string };
  },
): Page {
  const body = html`${facts.live ? null : testWarning(facts.language.texts)}
<p>${fillIn(question, facts)}</p>
<form method="post"><p class="save"><button class="main" name="${field.name}" value="${field.value}">${button}</button></p></form>
${allSettings(facts)}`;
  return { status: 200, title, body };
}

function allSettings({ allUrl, language: { texts } }: TopicFacts) {
  return html`<p><a href="${allUrl}">${texts.allSettings}</a></p>`;
}

function fillIn(text: string, { category, channel, language }: TopicFacts): string {
  return fill(text, { category: nameOf(category, language), channel: language.texts.channels[channel] });
}
