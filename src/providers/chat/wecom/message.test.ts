import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Content } from '../../contract.ts';
import { buildContent, cutBytes } from './message.ts';

const PARCEL = { title: 'Parcel 7', body: 'It is here' };
const url = 'https://acme.org/o/7';
const image = 'https://acme.org/i.png';
const app = (content: Content) => buildContent(content, 'app');
const robot = (content: Content) => buildContent(content, 'robot');
const textOf = (content: Content) => (robot(content).text as { content: string }).content;

test('without an address to open it is a text, of all there is', () => {
  const fields = [{ title: 'Weight', value: '2 kg' }];
  const actions = [
    { id: 'a', title: 'Track', url: 'https://acme.org/t' },
    { id: 'b', title: 'Later' },
  ];
  for (const build of [app, robot])
    assert.deepEqual(build({ ...PARCEL, fields, actions }), {
      msgtype: 'text',
      text: { content: 'Parcel 7\nIt is here\nWeight: 2 kg\nTrack: https://acme.org/t' },
    });
});

test('with an address an app makes a simple card of it, a robot a template card', () => {
  assert.deepEqual(app({ ...PARCEL, url }), {
    msgtype: 'textcard',
    textcard: { title: 'Parcel 7', description: 'It is here', url },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(robot({ ...PARCEL, url }))), {
    msgtype: 'template_card',
    template_card: {
      card_type: 'text_notice',
      main_title: { title: 'Parcel 7' },
      sub_title_text: 'It is here',
      horizontal_content_list: [],
      jump_list: [],
      card_action: { type: 1, url },
    },
  });
});

test('fields and links make a template card, with an image if there is one', () => {
  const fields = [{ title: 'Weight', value: '2 kg' }];
  const actions = [
    { id: 'a', title: 'Track', url: 'https://acme.org/t' },
    { id: 'b', title: 'Later' },
  ];
  for (const build of [app, robot])
    assert.deepEqual(build({ ...PARCEL, url, image, fields, actions }), {
      msgtype: 'template_card',
      template_card: {
        card_type: 'news_notice',
        main_title: { title: 'Parcel 7', desc: 'It is here' },
        card_image: { url: image },
        horizontal_content_list: [{ keyname: 'Weight', value: '2 kg' }],
        jump_list: [{ type: 1, title: 'Track', url: 'https://acme.org/t' }],
        card_action: { type: 1, url },
      },
    });
});

test('an image makes an article, which opens the image where there is nothing else to open', () => {
  const article = { title: 'Parcel 7', description: 'It is here', picurl: image };
  assert.deepEqual(app({ ...PARCEL, url, image }), {
    msgtype: 'news',
    news: { articles: [{ ...article, url }] },
  });
  for (const build of [app, robot])
    assert.deepEqual(build({ ...PARCEL, image }), {
      msgtype: 'news',
      news: { articles: [{ ...article, url: image }] },
    });
});

test('what is too much for a template card is shown in another way, whole', () => {
  const fields = Array.from({ length: 7 }, (_, i) => ({ title: `F${i}`, value: 'x' }));
  assert.equal(app({ ...PARCEL, url, fields }).msgtype, 'textcard');
  assert.equal(textOf({ ...PARCEL, url, fields }).split('\n').length, 10);
  assert.equal(textOf({ title: 'T', body: 'x'.repeat(200), url }), `T\n${'x'.repeat(200)}\n${url}`);
});

test('a text is cut to its bytes, its address is not', () => {
  const content = textOf({ body: '一'.repeat(1_000), url });
  assert.ok(Buffer.byteLength(content) <= 2_048 && Buffer.byteLength(content) > 2_040);
  assert.ok(content.endsWith(`…\n${url}`));
  const { textcard } = app({ title: '一'.repeat(99), body: '二'.repeat(999), url }) as {
    textcard: { title: string; description: string };
  };
  assert.ok(Buffer.byteLength(textcard.title) <= 128);
  assert.ok(Buffer.byteLength(textcard.description) <= 512);
});

test('nothing of the content links, styles or mentions by itself', () => {
  const evil =
    '<a href="https://evil.example">x</a> <@all> <@zhangsan> <font color="warning"> <br/> 1 < 2 <3 @all **b** ](';
  const tame =
    '＜a href="https://evil.example">x＜/a> ＜@all> ＜@zhangsan> ＜font color="warning"> ＜br/> 1 < 2 <3 @all **b** ](';
  assert.equal(textOf({ body: evil }), tame);
  const fields = [{ title: '<@all>', value: '<a href="x">' }];
  const actions = [{ id: 'a', title: '<a>', url: 'https://acme.org/t' }];
  for (const content of [
    { title: '<a', body: '<div>', url },
    { title: '<@all>', url, fields, actions },
  ])
    for (const build of [app, robot]) assert.doesNotMatch(JSON.stringify(build(content)), /<[a-z@/]/i);
  assert.doesNotMatch(JSON.stringify(app({ title: '<a>', body: '<a>', image })), /<[a-z@/]/i);
});

test('a cut text is whole characters within its bytes, and none is made longer', () => {
  for (const text of ['x'.repeat(50), '一'.repeat(50), '📦'.repeat(50), 'é一📦x'.repeat(20)]) {
    for (let max = 0; max < 50; max++) {
      const cut = cutBytes(text, max);
      assert.ok(Buffer.byteLength(cut) <= max, `${max}`);
      assert.ok(cut.isWellFormed());
      if (max >= 7) assert.ok(Buffer.byteLength(cut) > max - 4 && cut.endsWith('…'), `${max}: ${cut}`);
    }
  }
  assert.equal(cutBytes('abc', 3), 'abc');
});

test('nothing to show is an empty text', () => {
  assert.deepEqual(app({}), { msgtype: 'text', text: { content: '' } });
});
