import { html } from './html.ts';
import type { Language } from './language.ts';
import type { Page } from './layout.ts';

/** Why there is no page. Nothing tells a link that was forged from one that was cut off. */
export type Failure = 'notFound' | 'gone' | 'bad' | 'busy' | 'failed';

const STATUS: Record<Failure, number> = { notFound: 404, gone: 410, bad: 400, busy: 429, failed: 503 };

export function failurePage(failure: Failure, { texts }: Language): Page {
  return { status: STATUS[failure], title: texts[`${failure}Title`], body: html`<p>${texts[failure]}</p>` };
}
