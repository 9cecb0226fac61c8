import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { CHANNELS } from '../providers/contract.ts';
import { checkInline, InlineMessage, renderInline } from './inline.ts';

const isMessage = new Ajv({ strict: false }).compile(InlineMessage);

describe('an inline message', () => {
  it('is shown on every channel by its own means', () => {
    const message = { title: 'Shipped', body: 'Your order is on its way.', url: 'https://shop.example/7' };
    assert.equal(checkInline(message, CHANNELS), null);
    assert.deepEqual(renderInline(message, 'push'), message);
    assert.deepEqual(renderInline(message, 'inbox'), message);
    assert.deepEqual(renderInline(message, 'chat'), message);
    assert.deepEqual(renderInline(message, 'webhook'), message);
    assert.deepEqual(renderInline(message, 'sms'), { body: message.body });
    const { html, ...mail } = renderInline(message, 'email');
    assert.deepEqual(mail, { subject: 'Shipped', text: `${message.body}\n\n${message.url}` });
    assert.match(
      html!,
      /<h1[^>]*>Shipped<\/h1>[\s\S]*<p>Your order[\s\S]*<a class="button" href="https:\/\/shop.example\/7"/,
    );
  });

  it('gives way to what is written for one channel', () => {
    const message = {
      title: 'T',
      body: 'B',
      badge: 1,
      push: { body: 'P', sound: 'ding' },
      email: { subject: 'S', html: '<b>x</b>', replyTo: 'help@shop.example', headers: { 'X-Campaign': '7' } },
      sms: { body: 'short' },
      inbox: { title: 'I' },
      passthrough: { fcm: { android: { ttl: '60s' } } },
    };
    const { passthrough } = message;
    assert.deepEqual(renderInline(message, 'push'), {
      title: 'T',
      body: 'P',
      badge: 1,
      sound: 'ding',
      passthrough,
    });
    assert.deepEqual(renderInline(message, 'email'), { ...message.email, text: 'B', passthrough });
    assert.deepEqual(renderInline(message, 'sms'), { body: 'short', passthrough });
    assert.deepEqual(renderInline(message, 'inbox'), { title: 'I', body: 'B', passthrough });
  });

  it('is an SMS by its title and a mail by its first line when there is nothing else', () => {
    assert.deepEqual(renderInline({ title: 'Only a title' }, 'sms'), { body: 'Only a title' });
    const { subject, text } = renderInline({ body: `First ${'x'.repeat(100)}\nsecond` }, 'email');
    assert.equal(subject!.length, 78);
    assert.match(text!, /second$/);
    assert.equal(
      renderInline({ title: 'a\r\nBcc: b@c.example', body: 'x' }, 'email').subject,
      'a Bcc: b@c.example',
    );
  });

  it('stays plain text in a mail when only text is given', () => {
    assert.deepEqual(renderInline({ title: 'T', email: { text: 'plain' } }, 'email'), {
      subject: 'T',
      text: 'plain',
    });
  });

  it('is escaped in the mail made of it', () => {
    const hostile = `<script>alert('1')</script>"`;
    const message = {
      title: hostile,
      body: hostile,
      url: 'https://a.example/?a="><script>&b',
      actions: [{ id: 'a', title: hostile, url: 'https://b' }],
    };
    const { html } = renderInline(message, 'email');
    assert.doesNotMatch(html!, /<script|alert\('/);
    assert.match(html!, /href="https:\/\/a.example\/\?a=&quot;&gt;&lt;script&gt;&amp;b"/);
  });

  it('is never Liquid', () => {
    assert.equal(renderInline({ body: '{{ 1 | plus: 1 }}' }, 'sms').body, '{{ 1 | plus: 1 }}');
  });
});

describe('checking an inline message', () => {
  it('asks for something to show on each channel', () => {
    assert.match(checkInline({ data: { a: 1 } }, ['push'])!, /nothing to show on push/);
    assert.match(checkInline({ title: 'x' }, ['push', 'sms', 'email']) ?? 'fine', /fine/);
    assert.match(checkInline({ email: { subject: 'x', text: 'y' } }, ['email', 'sms'])!, /on sms: body/);
    assert.match(checkInline({ email: { html: 'y' } }, ['email'])!, /on email: subject/);
    assert.match(checkInline({ body: ' ' }, ['inbox'])!, /on inbox/);
  });

  it('lets a silent push show nothing when it carries data', () => {
    assert.equal(checkInline({ silent: true, data: { a: 1 } }, ['push']), null);
    assert.match(checkInline({ silent: true }, ['push'])!, /nothing to show/);
    assert.match(checkInline({ silent: true, data: {} }, ['push', 'inbox'])!, /on inbox/);
  });

  it('refuses links that run code, wherever they stand', () => {
    const url = 'javascript:alert(1)';
    const body = 'x';
    assert.match(checkInline({ body, url }, ['sms'])!, /^message.url must not be a javascript: URL/);
    assert.match(checkInline({ body, image: 'data:image/svg+xml,x' }, ['sms'])!, /^message.image/);
    assert.match(
      checkInline({ body, actions: [{ id: 'a', title: 'b', url }] }, ['sms'])!,
      /^message.actions.0.url/,
    );
    assert.match(checkInline({ body, push: { url } }, ['sms'])!, /^message.push.url/);
    assert.match(checkInline({ body, inbox: { icon: url } as object }, ['sms'])!, /^message.inbox.icon/);
    assert.match(
      checkInline({ body, email: { html: `<a href="${url}">x</a>` } }, ['email'])!,
      /^message.email.html/,
    );
  });

  it('refuses headers that would break out of their line or change what the mail is', () => {
    const withHeaders = (headers: Record<string, string>) => ({ email: { headers } });
    assert.ok(isMessage(withHeaders({ 'X-Campaign': '7', 'List-Unsubscribe': '<https://a.example/u>' })));
    for (const value of ['a\r\nBcc: x@y.z', 'a\nb', 'a\rb', 'a\u0000b']) {
      assert.ok(!isMessage(withHeaders({ 'X-A': value })), JSON.stringify(value));
      assert.ok(!isMessage(withHeaders({ [`X-${value}`]: 'a' })), JSON.stringify(value));
      assert.ok(!isMessage({ email: { replyTo: value } }));
    }
    for (const name of ['Bcc', 'from', 'Content-Type', 'DKIM-Signature'])
      assert.match(checkInline({ title: 'x', ...withHeaders({ [name]: 'x' }) }, ['email'])!, /must not set/);
  });

  it('knows its fields only', () => {
    assert.ok(isMessage({ title: 'x', push: { badge: 1 }, sms: { body: 'y' } }));
    for (const wrong of [
      { titel: 'x' },
      { badge: -1 },
      { sms: {} },
      { push: { email: {} } },
      { body: 'x'.repeat(20_001) },
    ])
      assert.ok(!isMessage(wrong), JSON.stringify(wrong).slice(0, 40));
  });
});
