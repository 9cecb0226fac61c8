import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { categoriesFrom, type Preference } from '../rules/index.ts';
import { type Board, buildBoard, changesOf } from './board.ts';
import {
  type Change,
  type ChosenFrequency,
  isPreference,
  readChanges,
  refuseEverything,
  undoOf,
  writeChanges,
} from './changes.ts';

const { all: categories } = categoriesFrom([
  { id: 'news', definition: { kind: 'marketing', doubleOptIn: true } },
  { id: 'offers', definition: { kind: 'marketing', channels: { sms: 'off' } } },
]);
const CHANNELS = [
  { channel: 'email', isDead: false },
  { channel: 'sms', isDead: false },
] as const;

const board = (preferences: Preference[], input: Partial<Parameters<typeof buildBoard>[0]> = {}) =>
  buildBoard({ categories, channels: CHANNELS, proven: null, preferences, frequencies: [], ...input });
/** Every cell as `category/channel`, with what is on marked by + and what is locked by !. */
const cells = ({ sections }: Board) =>
  sections.flatMap(({ category, cells }) =>
    cells.map(({ channel, isOn, lock }) => `${isOn ? '+' : ''}${lock ? '!' : ''}${category.id}/${channel}`),
  );
const NONE = new Map<string, string>();
const OUT: Preference = { category: '*', channel: '*', choice: 'out' };

function apply(preferences: Preference[], changes: Change[]): Preference[] {
  const keyOf = ({ category, channel }: Pick<Preference, 'category' | 'channel'>) => `${category} ${channel}`;
  const byKey = new Map(preferences.map((each) => [keyOf(each), each]));
  for (const { choice, ...rest } of changes.filter(isPreference))
    if (choice === null) byKey.delete(keyOf(rest));
    else byKey.set(keyOf(rest), { ...rest, choice });
  return [...byKey.values()];
}

describe('what a user may choose', () => {
  it('are the categories that he may refuse, or must have asked for, where he is reached', () => {
    const shown = board([]);
    assert.deepEqual(cells(shown), [
      '+marketing/email',
      '+marketing/sms',
      '!news/email',
      '!news/sms',
      '+offers/email',
      'offers/sms',
    ]);
    assert.deepEqual(
      shown.always.map(({ id }) => id),
      ['otp', 'security', 'transactional'],
    );
  });

  it('is locked where his address is dead, or where a yes needs a confirmation by another road', () => {
    const dead = [{ channel: 'email', isDead: true }] as const;
    assert.deepEqual(cells(board([], { channels: dead })), [
      '+!marketing/email',
      '!news/email',
      '+!offers/email',
    ]);
    assert.deepEqual(cells(board([], { proven: 'email' })).slice(2, 4), ['news/email', '!news/sms']);
    const yes: Preference = { category: 'news', channel: 'sms', choice: 'in' };
    assert.deepEqual(cells(board([yes])).slice(2, 4), ['!news/email', '+news/sms']);
  });

  it('changes only where the form showed it and it differs', () => {
    const shown = new Set(['offers/email', 'offers/sms', 'news/email', 'gone/email']);
    const on = new Set(['offers/sms', 'news/email', 'marketing/email', 'gone/email']);
    assert.deepEqual(changesOf(board([]), { shown, on, often: NONE }), [
      { category: 'offers', channel: 'email', choice: 'out' },
      { category: 'offers', channel: 'sms', choice: 'in' },
    ]);
    assert.deepEqual(
      changesOf(board([]), { shown: new Set(['offers/email']), on: new Set(['offers/email']), often: NONE }),
      [],
    );
  });
});

describe('how often a user hears of a category', () => {
  const window = { everySeconds: 3_600 };
  const { all } = categoriesFrom([
    { id: 'chat', definition: { digest: { usersChoose: true } } },
    { id: 'news', definition: { kind: 'marketing', digest: { usersChoose: true, window } } },
    { id: 'offers', definition: { kind: 'marketing', digest: { window } } },
    { id: 'safety', definition: { kind: 'security', optOut: true, digest: { usersChoose: true } } },
  ]);
  const oftenBoard = (frequencies: ChosenFrequency[]) => board([], { categories: all, frequencies });
  const oftenIn = (shown: Board) =>
    Object.fromEntries(shown.sections.map(({ category, often }) => [category.id, often]));
  const noForm = { shown: new Set<string>(), on: new Set<string>() };
  const daily = { category: 'news', frequency: 'daily', at: '18:30', day: null } as const;

  it('is for him to say where the category lets him, also where he may not refuse it', () => {
    const shown = oftenBoard([{ ...daily, category: 'chat' }]);
    const often = oftenIn(shown);
    assert.deepEqual(often.chat, { options: ['every', 'hourly', 'daily', 'weekly'], chosen: 'daily' });
    assert.equal(often.news!.options[0], 'usual', 'what the category says is no word of the page');
    assert.equal(often.news!.chosen, 'usual');
    assert.equal(often.offers, null);
    assert.equal(often.safety, null, 'security is never collected');
    assert.deepEqual(shown.sections.find(({ category }) => category.id === 'chat')!.cells, []);
    assert.ok(shown.always.some(({ id }) => id === 'chat'));
    assert.equal(oftenIn(oftenBoard([])).chat!.chosen, 'every');
  });

  it('changes where it differs, and only to what was offered', () => {
    const change = (id: string, wanted: string, frequencies: ChosenFrequency[] = []) =>
      changesOf(oftenBoard(frequencies), { ...noForm, often: new Map([[id, wanted]]) });
    const weekly = { frequency: 'weekly', at: null, day: null };
    assert.deepEqual(change('news', 'weekly'), [{ category: 'news', frequency: weekly }]);
    assert.deepEqual(change('news', 'daily', [daily]), [], 'his time of the day stays');
    assert.deepEqual(change('news', 'usual', [daily]), [{ category: 'news', frequency: null }]);
    for (const wanted of ['never', 'constructor', ''])
      assert.deepEqual(change('news', wanted), [], wanted || 'nothing');
    assert.deepEqual(change('chat', 'usual'), []);
    assert.deepEqual(change('offers', 'weekly'), []);
    assert.deepEqual(change('safety', 'weekly'), []);
  });

  it('is undone to the letter', () => {
    const said = { preferences: [], frequencies: [daily] };
    const changes: Change[] = [
      { category: 'news', frequency: { frequency: 'weekly', at: null, day: null } },
      { category: 'chat', frequency: { frequency: 'weekly', at: '08:00', day: 7 } },
      { category: 'news', channel: 'email', choice: 'out' },
    ];
    assert.deepEqual(readChanges(writeChanges(changes)), changes);
    const { category, ...frequency } = daily;
    assert.deepEqual(readChanges(writeChanges(undoOf(changes, said))), [
      { category, frequency },
      { category: 'chat', frequency: null },
      { category: 'news', channel: 'email', choice: null },
    ]);
  });
});

const preferences = fc.uniqueArray(
  fc.record<Preference>(
    {
      category: fc.constantFrom('*', 'offers', 'news', 'marketing', 'transactional'),
      channel: fc.constantFrom('*' as const, 'email' as const, 'sms' as const, 'push' as const),
      choice: fc.constantFrom('in' as const, 'out' as const, 'pending' as const),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ category, channel }) => `${category} ${channel}` },
);

describe('unsubscribing from everything', () => {
  it('leaves nothing on, whatever was said before, and can be undone to the letter', () => {
    fc.assert(
      fc.property(preferences, (before) => {
        const changes = refuseEverything(before);
        const after = apply(before, changes);
        const shown = board(after, { proven: 'email' });
        assert.ok(shown.isAllOff, JSON.stringify(after));
        const undo = readChanges(writeChanges(undoOf(changes, { preferences: before, frequencies: [] })));
        assert.deepEqual(new Set(apply(after, undo)), new Set(before));
      }),
    );
    assert.equal(board([OUT]).isAllOff, true);
  });
});
