import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isBurst, judgeVisit, mayBeBurst, type VisitFacts } from './judge.ts';

const SENT_AT = 1_790_000_000_000;
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
const GMAIL = 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)';
const LATER = 60_000;

type Case = [
  fact: string,
  kind: VisitFacts['kind'],
  agent: string,
  verdict: string,
  more?: Partial<VisitFacts>,
];

const cases: Case[] = [
  ['a browser', 'link', CHROME, 'person'],
  [
    'a phone',
    'link',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    'person',
  ],
  ['Outlook looking at a picture', 'pixel', 'Mozilla/4.0 (compatible; ms-office; MSOffice 16)', 'person'],
  [
    'Thunderbird',
    'pixel',
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0',
    'person',
  ],
  ['an Android mail program', 'pixel', 'okhttp/4.12.0', 'person'],
  ['that library clicking', 'link', 'okhttp/4.12.0', 'machine agent'],
  ['Apple Mail Privacy Protection', 'pixel', 'Mozilla/5.0', 'proxy apple-mail'],
  ['Gmail fetching pictures', 'pixel', GMAIL, 'proxy gmail'],
  [
    'Yahoo fetching pictures',
    'pixel',
    'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
    'proxy yahoo',
  ],
  ['a proxy for pictures that follows links', 'link', GMAIL, 'machine gmail'],
  ['a picture looked at as soon as it is there', 'pixel', CHROME, 'person', { at: SENT_AT }],
  ['a click as soon as the mail is handed over', 'link', CHROME, 'machine too-soon', { at: SENT_AT + 1_999 }],
  ['a click by a clock that is behind', 'link', CHROME, 'machine too-soon', { at: SENT_AT - 5_000 }],
  ['a click two seconds later', 'link', CHROME, 'person', { at: SENT_AT + 2_000 }],
  ['a look at the headers only', 'link', CHROME, 'machine head', { method: 'HEAD' }],
  ['nobody who says what he is', 'link', '', 'machine no-agent'],
  ['blanks for a name', 'pixel', '  ', 'machine no-agent'],
  [
    'Slack making a preview',
    'link',
    'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
    'machine agent',
  ],
  ['WhatsApp making a preview', 'link', 'WhatsApp/2.23.20.0', 'machine agent'],
  ['Facebook making a preview', 'link', 'facebookexternalhit/1.1', 'machine agent'],
  [
    'a search engine',
    'link',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'machine agent',
  ],
  ['a scanner', 'link', 'Mozilla/5.0 (compatible; Barracuda Sentinel)', 'machine agent'],
  ['a browser without a window', 'link', CHROME.replace('Chrome', 'HeadlessChrome'), 'machine agent'],
  ['a script', 'link', 'python-requests/2.32.3', 'machine agent'],
  ['curl', 'pixel', 'curl/8.5.0', 'machine agent'],
  ['what was shown, by a service worker', 'beacon', CHROME, 'person', { at: SENT_AT, method: 'POST' }],
  ['what was shown, where no name is sent', 'beacon', '', 'person', { method: 'POST' }],
];
for (const [name, value] of [
  ['purpose', 'prefetch'],
  ['sec-purpose', 'prefetch;prerender'],
  ['sec-purpose', 'prefetch;anonymous-client-ip'],
  ['x-moz', 'prefetch'],
  ['x-purpose', 'preview'],
] as const)
  cases.push([
    `${name}: ${value}`,
    'link',
    CHROME,
    'machine prefetch',
    { headers: { 'user-agent': CHROME, [name]: value } },
  ]);

describe('who visits a tracked address', () => {
  for (const [fact, kind, agent, verdict, more] of cases)
    it(`${fact}: ${verdict}`, () => {
      const visit = { kind, method: 'GET', at: SENT_AT + LATER, headers: { 'user-agent': agent }, ...more };
      const judged = judgeVisit(visit, { sentAt: SENT_AT });
      assert.equal([judged.who, ...('why' in judged ? [judged.why] : [])].join(' '), verdict);
    });
});

describe('a burst of clicks', () => {
  const burst = (...clicks: [link: number, at: number][]) =>
    isBurst(clicks.map(([link, at]) => ({ link, at })));
  it('is three links of one message within five seconds', () => {
    assert.equal(burst([0, 0], [1, 10], [2, 20]), true);
    assert.equal(burst([2, 5_000], [0, 0], [1, 4_000]), true);
    assert.equal(burst([9, 0], [0, 60_000], [1, 60_100], [2, 60_200]), true);
  });
  it('is not one link often, two links, or three in their time', () => {
    assert.equal(burst(), false);
    assert.equal(burst([0, 0], [0, 1], [0, 2], [0, 3]), false);
    assert.equal(burst([0, 0], [1, 1], [0, 2]), false);
    assert.equal(burst([0, 0], [1, 3_000], [2, 6_000]), false);
  });
  it('is looked for while a message is on its way', () => {
    assert.equal(mayBeBurst({ kind: 'link', at: SENT_AT + 119_000 }, { sentAt: SENT_AT }), true);
    assert.equal(mayBeBurst({ kind: 'link', at: SENT_AT + 120_000 }, { sentAt: SENT_AT }), false);
    assert.equal(mayBeBurst({ kind: 'pixel', at: SENT_AT }, { sentAt: SENT_AT }), false);
  });
});
