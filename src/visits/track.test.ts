import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import type { Content, Message } from '../providers/index.ts';
import { categoriesFrom } from '../rules/index.ts';
import { decideTracking, type TrackingSettings, UNTRACKED } from './settings.ts';
import { MAX_LINKS } from './token.ts';
import { track } from './track.ts';
import { createTracker } from './tracker.ts';

const ORIGIN = 'https://bell.example';
const ID = '01910000-0000-7000-8000-00000000000b';
const clock = new FakeClock();
const tracker = createTracker({ clock, key: Buffer.alloc(32, 1), origin: ORIGIN });
const ON: TrackingSettings = { ...UNTRACKED, enabled: true };
const categories = categoriesFrom([
  { id: 'news', definition: { kind: 'marketing', tracking: true } },
  { id: 'health', definition: { tracking: false } },
]);

function facts(more: { channel?: string; category?: string; asked?: boolean; supports?: object } = {}) {
  const { channel = 'email', category = 'transactional', asked, supports = {} } = more;
  return { channel, category: categories.of(category), asked, provider: { supports } };
}

function trackMail(content: Content, settings = ON): Content {
  const message = { channel: 'email', content } as Message;
  const delivery = { id: ID, tenantId: ID, startedAt: clock.now() };
  return track(message, tracker.of(delivery, facts(), settings)).content;
}

describe('what is tracked', () => {
  const wanted = (settings: TrackingSettings, more?: Parameters<typeof facts>[0]) => {
    const decided = decideTracking(facts(more), settings);
    return decided && Object.entries(decided).flatMap(([name, isOn]) => (isOn ? [name] : []));
  };
  it('is nothing until the tenant says so', () => assert.equal(wanted(UNTRACKED), null));
  it('is opens and clicks of mails then', () => assert.deepEqual(wanted(ON), ['opens', 'clicks']));
  it('is decided by the category where that says something', () => {
    assert.deepEqual(wanted(UNTRACKED, { category: 'news' }), ['opens', 'clicks']);
    assert.equal(wanted(ON, { category: 'health' }), null);
  });
  it('is never what is of the kind security', () => {
    for (const category of ['otp', 'security']) assert.equal(wanted(ON, { category }), null);
    const own = categoriesFrom([{ id: 'codes', definition: { kind: 'security', tracking: true } }]).of(
      'codes',
    );
    assert.equal(decideTracking({ ...facts(), category: own }, ON), null);
  });
  it('is nothing where the caller said no, and a yes of his changes nothing', () => {
    assert.equal(wanted(ON, { asked: false }), null);
    assert.equal(wanted(UNTRACKED, { asked: true }), null);
    assert.equal(wanted(ON, { asked: true, category: 'otp' }), null);
  });
  it('is left to vendors that track themselves, unless the tenant wants it all the same', () => {
    const supports = { visits: true };
    assert.equal(wanted(ON, { supports }), null);
    assert.deepEqual(wanted({ ...ON, overVendors: true }, { supports }), ['opens', 'clicks']);
  });
  it('is what each switch says', () => {
    assert.deepEqual(wanted({ ...ON, opens: false }), ['clicks']);
    assert.deepEqual(wanted({ ...ON, clicks: false, textLinks: true }), ['opens']);
    assert.deepEqual(wanted({ ...ON, textLinks: true }), ['opens', 'clicks', 'textLinks']);
    assert.equal(wanted({ ...ON, opens: false, clicks: false }), null);
  });
  it('is beacons where they reach what shows them', () => {
    const supports = { beacons: true };
    assert.deepEqual(wanted(ON, { channel: 'push', supports }), ['beacons']);
    assert.equal(wanted({ ...ON, beacons: false }, { channel: 'inbox', supports }), null);
    for (const channel of ['push', 'sms', 'chat', 'webhook']) assert.equal(wanted(ON, { channel }), null);
  });
});

describe('a tracked mail', () => {
  const LINK = /https:\/\/bell\.example\/l\/([\w-]+)/g;
  const opened = (text: string) => [...text.matchAll(LINK)].map((match) => tracker.open(match[1]!, 'link')!);

  it('has links that know their delivery, their number and where they lead, and a picture', () => {
    const { html } = trackMail({
      html: '<a href="https://a.example/1">A</a><a href="https://b.example">B</a>',
    });
    const links = opened(html!);
    const shared = { kind: 'link', tenantId: ID, deliveryId: ID, sentAt: clock.now() };
    assert.deepEqual(links, [
      { ...shared, link: 0, url: 'https://a.example/1' },
      { ...shared, link: 1, url: 'https://b.example/' },
    ]);
    const picture = /<img src="https:\/\/bell\.example\/o\/([\w-]+)"/.exec(html!);
    assert.equal(tracker.open(picture![1]!, 'pixel')?.deliveryId, ID);
  });
  it('keeps the links to our own pages, and those that lead over us already', () => {
    const own = ['p', 'u', 'c', 'l', 'o'].map((path) => `<a href="${ORIGIN}/${path}/abc">x</a>`).join('');
    assert.equal(trackMail({ html: own }, { ...ON, opens: false }).html, own);
    const like = `<a href="${ORIGIN}.evil.example/u/abc">x</a>`;
    assert.equal(opened(trackMail({ html: like }).html!).length, 1, 'not those that only begin alike');
  });
  it('has its text part tracked when that is asked for', () => {
    const content = {
      html: '<a href="https://a.example">A</a>',
      text: `Go: https://a.example and ${ORIGIN}/u/x`,
    };
    assert.equal(trackMail(content).text, content.text);
    const { text } = trackMail(content, { ...ON, textLinks: true });
    assert.deepEqual(
      opened(text!).map(({ link }) => link),
      [1],
    );
    assert.ok(text!.endsWith(`and ${ORIGIN}/u/x`));
  });
  it('has so many tracked links and no more', () => {
    const html = '<a href="https://a.example">A</a>'.repeat(MAX_LINKS + 5);
    const tracked = trackMail({ html }).html!;
    assert.deepEqual(
      [opened(tracked).length, tracked.split('href="https://a.example"').length - 1],
      [MAX_LINKS, 5],
    );
  });
  it('leads over the origin that the tenant names', () => {
    const { html } = trackMail(
      { html: '<a href="https://a.example">A</a>' },
      { ...ON, origin: 'https://go.shop.example' },
    );
    assert.match(html!, /href="https:\/\/go\.shop\.example\/l\//);
  });
  it('is the very same where nothing is tracked, or there is no address to lead to', () => {
    const message = { channel: 'email', content: { html: '<a href="https://a.example">A</a>' } } as Message;
    const delivery = { id: ID, tenantId: ID, startedAt: clock.now() };
    assert.equal(track(message, tracker.of(delivery, facts(), UNTRACKED)), message);
    assert.equal(track(message, tracker.of(delivery, facts(), undefined)), message);
    const nowhere = createTracker({ clock, key: Buffer.alloc(32), origin: null });
    assert.equal(nowhere.of(delivery, facts(), ON), null);
  });
});
