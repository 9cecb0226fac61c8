import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { categoriesFrom, type Preference, type PreferenceChange } from '../rules/index.ts';
import { type Board, buildBoard, changesOf } from './board.ts';
import { readChanges, refuseEverything, undoOf, writeChanges } from './changes.ts';

const { all: categories } = categoriesFrom([
  { id: 'news', definition: { kind: 'marketing', doubleOptIn: true } },
  { id: 'offers', definition: { kind: 'marketing', channels: { sms: 'off' } } },
]);
const CHANNELS = [
  { channel: 'email', isDead: false },
  { channel: 'sms', isDead: false },
] as const;

const board = (preferences: Preference[], input: Partial<Parameters<typeof buildBoard>[0]> = {}) =>
  buildBoard({ categories, channels: CHANNELS, proven: null, preferences, ...input });
/** Every cell as `category/channel`, with what is on marked by + and what is locked by !. */
const cells = ({ sections }: Board) =>
  sections.flatMap(({ category, cells }) =>
    cells.map(({ channel, isOn, lock }) => `${isOn ? '+' : ''}${lock ? '!' : ''}${category.id}/${channel}`),
  );
const OUT: Preference = { category: '*', channel: '*', choice: 'out' };

function apply(preferences: Preference[], changes: PreferenceChange[]): Preference[] {
  const keyOf = ({ category, channel }: Pick<Preference, 'category' | 'channel'>) => `${category} ${channel}`;
  const byKey = new Map(preferences.map((each) => [keyOf(each), each]));
  for (const { choice, ...rest } of changes)
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
    assert.deepEqual(changesOf(board([]), { shown, on }), [
      { category: 'offers', channel: 'email', choice: 'out' },
      { category: 'offers', channel: 'sms', choice: 'in' },
    ]);
    assert.deepEqual(
      changesOf(board([]), { shown: new Set(['offers/email']), on: new Set(['offers/email']) }),
      [],
    );
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
        const undo = readChanges(writeChanges(undoOf(changes, before)));
        assert.deepEqual(new Set(apply(after, undo)), new Set(before));
      }),
    );
    assert.equal(board([OUT]).isAllOff, true);
  });
});
