import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { getProvider, type HttpProvider, type Platform } from '../providers/index.ts';
import { checkDefinition, compileTemplate } from './compile.ts';
import type { Definition, LocaleContent } from './definition.ts';
import { measurePush, reachedPlatforms } from './push-size.ts';
import { addTenant, buildTemplateServer, callTemplates } from './testing.ts';

const source: LocaleContent = {
  title: 'Order {{ id }}',
  body: 'On its way',
  sound: 'ding',
  category: 'ORDER',
  actions: [{ id: 'track', title: 'Track' }],
  platforms: {
    ios: { title: '{{ id }}: on its way', sound: 'chime.caf', badge: 1 },
    web: { actions: [{ id: 'track', title: 'Track {{ id }}', url: 'https://shop.example/{{ id }}' }] },
  },
};
const definition = (push: LocaleContent): Definition => ({
  defaultLocale: 'en',
  variables: {},
  channels: { push: { en: push } },
});

function render(platform?: Platform) {
  const template = compileTemplate('t', 1, definition(source));
  const input = { platform, variables: { id: 7 }, user: { id: 'u', attributes: {} } };
  const rendered = template.render('push', input);
  assert.ok('content' in rendered, 'problem' in rendered ? rendered.problem : '');
  return rendered.content;
}

describe('a push message for a platform', () => {
  it('says there what it says in other words, and the rest as everywhere', () => {
    assert.deepEqual(checkDefinition(definition(source)), []);
    const shared = { body: 'On its way', category: 'ORDER' };
    const actions = [{ id: 'track', title: 'Track' }];
    assert.deepEqual(render('ios'), {
      ...shared,
      title: '7: on its way',
      sound: 'chime.caf',
      badge: 1,
      actions,
    });
    assert.deepEqual(render('android'), { ...shared, title: 'Order 7', sound: 'ding', actions });
    assert.deepEqual(render('web').actions, [
      { id: 'track', title: 'Track 7', url: 'https://shop.example/7' },
    ]);
    assert.deepEqual(render(), render('android'));
  });

  it('has its own category where the platform has one', () => {
    const apns = getProvider('apns') as HttpProvider;
    const message = {
      channel: 'push',
      recipient: { address: 'a' },
      priority: 'high',
      category: 'news',
      userId: 'u',
    } as const;
    const context = {
      now: 0,
      random: (n: number) => new Uint8Array(n),
      deliveryId: 'd',
      baseUrl: apns.baseUrl,
    };
    const categoryOf = (category?: string) => {
      const { body } = apns.request(
        { ...message, content: { title: 't', category } },
        apns.testConfig(),
        context,
      );
      return JSON.parse(String(body)).aps.category;
    };
    assert.deepEqual([categoryOf('ORDER'), categoryOf()], ['ORDER', 'news']);
  });

  it('is checked on every platform, each mistake at its place', () => {
    const wrong = { ...source, platforms: { android: { url: '{{ x | nope }}' } } };
    assert.deepEqual(checkDefinition(definition(wrong)), [
      { field: '/channels/push/en/platforms/android/url', rule: 'undefined filter: nope (line 1)' },
    ]);
  });
});

describe('the size of a push message', () => {
  it('is that of the request to each vendor who reaches the platform', () => {
    assert.deepEqual(reachedPlatforms(), ['ios', 'android', 'web', 'macos']);
    const sizes = (characters: number) =>
      (['ios', 'android', 'web'] as const).flatMap((platform) =>
        measurePush({ title: 't', body: 'x'.repeat(characters) }, platform),
      );
    const small = sizes(0);
    assert.deepEqual(
      small.map(({ provider, limitBytes }) => [provider, limitBytes]),
      [
        ['apns', 4_096],
        ['sns-push', 262_144],
        ['fcm', 4_096],
        ['huawei', 4_096],
        ['sns-push', 262_144],
        ['webpush', 4_096],
      ],
    );
    sizes(1_000).forEach(({ bytes }, i) => {
      assert.equal(bytes - small[i]!.bytes, 1_000);
    });
  });
});

describeStores('the preview of a push message', (store) => {
  it('is that of one platform, with its size there', async () => {
    const clock = new FakeClock();
    const call = callTemplates(await buildTemplateServer(store(), clock), await addTenant(store(), clock));
    await call('PUT', '/push', definition(source));
    const preview = async (body: object) =>
      (await call('POST', '/push/preview', { channel: 'push', variables: { id: 7 }, ...body })).body;
    const { content, push } = await preview({ platform: 'ios' });
    assert.equal(content.title, '7: on its way');
    assert.deepEqual(
      push.map(({ provider, limitBytes }: Record<string, unknown>) => [provider, limitBytes]),
      [
        ['apns', 4_096],
        ['sns-push', 262_144],
      ],
    );
    assert.ok(push[0].bytes > 50);
    assert.equal((await preview({})).push, undefined);
  });
});
