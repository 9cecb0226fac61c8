import { html } from './html.ts';
import { chooseLanguage, type Language } from './language.ts';
import { headersOf, type Page, renderPage } from './layout.ts';
import { NOBODY } from './owner-store.ts';

/** Why there is no page. Nothing tells a link that was forged from one that was cut off. */
export type Failure = 'notFound' | 'gone' | 'bad' | 'busy' | 'failed';

const STATUS: Record<Failure, number> = { notFound: 404, gone: 410, bad: 400, busy: 429, failed: 503 };

export function failurePage(failure: Failure, { texts }: Language): Page {
  return { status: STATUS[failure], title: texts[`${failure}Title`], body: html`<p>${texts[failure]}</p>` };
}

/** The same page for links of other rooms, in the language of the browser. */
export function renderFailure(
  failure: Failure,
  acceptLanguage: string | undefined,
): { status: number; headers: Record<string, string>; body: string } {
  const language = chooseLanguage(null, acceptLanguage);
  const page = failurePage(failure, language);
  return { status: page.status, headers: headersOf(NOBODY), body: renderPage(page, language, NOBODY) };
}
