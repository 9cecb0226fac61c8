import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUILT_IN, categoriesFrom } from '../rules/index.ts';
import { digestRequest, templateOf } from './message.ts';
import type { DigestRow, ShownEvent } from './store.ts';

const category = BUILT_IN.of('comments');
const digest: DigestRow = {
  tenantId: 't',
  id: 'd',
  live: true,
  userId: 'ada',
  category: 'comments',
  key: 'post-1',
  settings: {},
  closedAt: null,
  result: null,
  notificationId: null,
};
const event = (request: unknown, n = 0): ShownEvent => ({
  id: `e${n}`,
  createdAt: '2026-11-21T12:00:00+00:00',
  channels: ['push', 'inbox'],
  request,
});
const contents = (...requests: unknown[]) => ({
  events: requests.length,
  priority: 1,
  expiresAt: null,
  shown: requests.map(event),
});
const write = (requests: unknown[], template: string | null = null, more: Partial<DigestRow> = {}) =>
  digestRequest({ ...digest, ...more }, contents(...requests), { category, template });
const inline = (title: string, more: object = {}) => ({ message: { title }, ...more });
const of = (id: string, variables?: object) => ({ template: { id, variables } });

describe('what a digest says', () => {
  it('is the title and the first line of the newest ten, and how many more there are', () => {
    const many = Array.from({ length: 14 }, (_, n) => ({
      message: { title: `N${n}`, body: `line\nrest ${n}` },
    }));
    const { message } = write(many);
    assert.equal(message!.title, '14 new notifications');
    const lines = message!.body!.split('\n');
    assert.deepEqual(
      [lines.length, lines[0], lines[9], lines[10]],
      [11, '• N4: line', '• N13: line', '… and 4 more'],
    );
    const own = categoriesFrom([{ id: 'comments', definition: { name: 'Comments' } }]).of('comments');
    const named = digestRequest(digest, contents(inline('A'), inline('B')), {
      category: own,
      template: null,
    });
    assert.equal(named.message!.title, 'Comments: 2 new');
  });

  it('cuts long lines between characters', () => {
    const { message } = write([inline('😀'.repeat(200)), inline('b')]);
    const [line] = message!.body!.split('\n');
    assert.ok(line!.isWellFormed() && line!.length <= 122 && line!.endsWith('…'));
  });

  it('goes where any of them would have gone', () => {
    const sms = inline('a', { channels: ['sms'] });
    assert.equal(write([inline('a'), inline('b')]).channels, undefined);
    assert.deepEqual(write([sms, inline('b', { channels: ['email'] })]).channels, ['email', 'sms']);
    assert.deepEqual(write([sms, inline('b')]).channels, ['push', 'sms', 'inbox']);
    assert.equal(write([of('x'), of('x')], 'x').channels, undefined);
    assert.deepEqual(
      write([of('x'), of('y')]).channels,
      ['push', 'inbox'],
      'a summary has no channels of its own',
    );
  });

  it('is not tracked when one of them must not be', () => {
    assert.equal(write([inline('a', { tracking: false }), inline('b')]).tracking, false);
    assert.equal(write([of('x'), { ...of('x'), tracking: false }], 'x').tracking, false);
    assert.equal('tracking' in write([inline('a', { tracking: true }), inline('b')]), false);
  });

  it('is made of its own template, else of that which all of its events name', () => {
    const settings = { template: { id: 'summary' } };
    assert.equal(templateOf({ ...digest, settings }, contents(inline('a'))), 'summary');
    assert.equal(templateOf(digest, contents(of('x'), of('x'))), 'x');
    assert.equal(templateOf(digest, contents(of('x'), of('y'))), null);
    assert.equal(templateOf(digest, contents(of('x'), inline('a'))), null);
    const events = [
      {
        id: 'e0',
        createdAt: '2026-11-21T12:00:00.000Z',
        title: undefined,
        body: undefined,
        url: undefined,
        data: { by: 'a', n: 1 },
      },
      {
        id: 'e1',
        createdAt: '2026-11-21T12:00:00.000Z',
        title: undefined,
        body: undefined,
        url: undefined,
        data: { by: 'b' },
      },
    ];
    const requests = [of('x', { by: 'a', n: 1 }), of('x', { by: 'b' })];
    assert.deepEqual(write(requests, 'x').template, {
      id: 'x',
      variables: { by: 'b', events, count: 2, key: 'post-1' },
    });
    assert.deepEqual(write(requests, 'summary', { settings }).template!.variables, {
      events,
      count: 2,
      key: 'post-1',
    });
  });

  it('is said of whatever the database holds', () => {
    const corrupt = [
      null,
      5,
      'text',
      [],
      { message: 5 },
      { message: { title: 5, push: null }, channels: 'sms' },
      { template: 'x' },
      { template: { id: 5, variables: 5 } },
      { message: null },
    ];
    for (const request of corrupt) {
      assert.equal(write([request, request]).message?.title, '2 new notifications', JSON.stringify(request));
      write([request], 'x');
    }
  });
});
