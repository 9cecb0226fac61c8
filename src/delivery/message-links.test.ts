import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TenantLinks } from '../consent/index.ts';
import { makeClaimed } from '../hooks/testing.ts';
import type { Message } from '../providers/index.ts';
import { compileTemplate } from '../templates/compile.ts';
import { compose } from './compose.ts';
import { linksFor, offerUnsubscribe } from './message-links.ts';

const URL = 'https://bell.example/u/token';
const signed: string[] = [];
const links = {
  preferences: () => {
    signed.push('preferences');
    return 'https://bell.example/p/token';
  },
  unsubscribe: (_user, { category, channel }) => {
    signed.push(`${category} ${channel}`);
    return URL;
  },
} as Partial<TenantLinks> as TenantLinks;
const user = { id: 'u', externalId: 'ada', locale: null, timezone: null, attributes: {} };
const MARKETING = { optOut: true, doubleOptIn: false };
const SECURITY = { optOut: false, doubleOptIn: false };
const claimed = (columns: object = {}) =>
  makeClaimed('t', { channel: 'email', category: 'offers', user, ...columns });
const email = (headers?: Record<string, string>): Message => ({
  channel: 'email',
  recipient: { address: 'ada@mail.example' },
  content: { subject: 'Hi', text: 'Hello', ...(headers && { headers }) },
  priority: 'low',
  category: 'offers',
  userId: 'ada',
});

describe('an e-mail', () => {
  const offer = (message: Message, rules = MARKETING, columns: object = {}) =>
    offerUnsubscribe(message, linksFor(claimed(columns), rules, links)).content.headers;

  it('that may be refused says how, beside its other headers', () => {
    assert.deepEqual(offer(email({ 'X-Campaign': 'spring' })), {
      'X-Campaign': 'spring',
      'List-Unsubscribe': `<${URL}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    });
  });

  it('keeps a header of its own, and then gets none of ours', () => {
    for (const name of ['List-Unsubscribe', 'list-unsubscribe', 'LIST-UNSUBSCRIBE-POST']) {
      assert.deepEqual(offer(email({ [name]: '<mailto:out@shop.example>' })), {
        [name]: '<mailto:out@shop.example>',
      });
    }
  });

  it('that nobody may refuse, or to nobody that we know, says nothing', () => {
    assert.equal(offer(email(), SECURITY), undefined);
    assert.equal(offer(email(), MARKETING, { user: { ...user, id: null } }), undefined);
    assert.equal(offerUnsubscribe(email(), linksFor(claimed(), MARKETING, null)).content.headers, undefined);
    assert.equal(offer({ ...email(), channel: 'sms' }), undefined);
  });
});

describe('a template', () => {
  const render = (text: string, variables: object = {}, rules = MARKETING) => {
    signed.length = 0;
    const channels = { sms: { en: { body: text } } };
    const template = compileTemplate('t', 1, { defaultLocale: 'en', variables: {}, channels });
    const delivery = claimed({ channel: 'sms', request: { template: { id: 't', variables } } });
    const composed = compose(delivery, template, linksFor(delivery, rules, links));
    assert.ok('message' in composed, JSON.stringify(composed));
    return composed.message.content.body;
  };

  it('knows the links, which are signed only where it names them', () => {
    assert.equal(render('Hello'), 'Hello');
    assert.deepEqual(signed, []);
    assert.equal(render('Out: {{ unsubscribe_url }}'), `Out: ${URL}`);
    assert.deepEqual(signed, ['offers sms']);
    assert.equal(render('{{ preferences_url }}'), 'https://bell.example/p/token');
    assert.deepEqual(signed, ['preferences']);
  });

  it('can ask whether there is one', () => {
    const text = '{% if unsubscribe_url %}Out: {{ unsubscribe_url }}{% else %}Bye{% endif %}';
    assert.equal(render(text, {}, SECURITY), 'Bye');
    assert.equal(render(text), `Out: ${URL}`);
  });

  it("prefers the caller's own variables", () => {
    assert.equal(
      render('{{ unsubscribe_url }}', { unsubscribe_url: 'https://shop.example/out' }),
      'https://shop.example/out',
    );
    assert.deepEqual(signed, []);
  });
});
