import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { ReceiptRequest } from '../../contract.ts';
import telegram from '../telegram.ts';

const config = {
  botToken: new Secret('123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11'),
  webhookSecret: new Secret('hook_secret-1'),
};
const context = { now: Date.UTC(2026, 10, 21, 12) };

function update(body: object | string, headers: Record<string, string> = {}): ReceiptRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'POST', url: 'https://bellhop.example/r', headers, body: Buffer.from(text) };
}
const hear = (body: object | string) => telegram.receipts!.inbound!.parse(update(body), config);

test('only updates with the secret token are believed', () => {
  const { verify } = telegram.receipts!;
  const header = 'x-telegram-bot-api-secret-token';
  assert.equal(verify(update('{}', { [header]: 'hook_secret-1' }), config, context), true);
  assert.equal(verify(update('{}', { [header]: 'hook_secret-2' }), config, context), false);
  assert.equal(verify(update('{}'), config, context), false);
  const { botToken } = config;
  assert.equal(verify(update('{}', { [header]: '' }), { botToken }, context), false);
});

test('blocking the bot is a wish to stop, letting it in again one to start', () => {
  const member = (status: string, chat: object = { id: 987654321, type: 'private' }) => ({
    update_id: 1,
    my_chat_member: {
      chat,
      from: { id: 987654321 },
      date: 1,
      old_chat_member: { status: 'member', user: { id: 1 } },
      new_chat_member: { status, user: { id: 1 } },
    },
  });
  assert.deepEqual(hear(member('kicked')), [{ from: '987654321', text: '', wish: 'stop' }]);
  assert.deepEqual(hear(member('member')), [{ from: '987654321', text: '', wish: 'start' }]);
  const group = { id: -1001234567890, type: 'supergroup' };
  assert.deepEqual(hear(member('left', group)), [{ from: '-1001234567890', text: '', wish: 'stop' }]);
  assert.deepEqual(hear(member('restricted')), []);
});

test('what a person writes to the bot is heard, what is said in a group is not', () => {
  const said = (text: string, type = 'private') => ({
    update_id: 2,
    message: { message_id: 5, chat: { id: 7, type }, from: { id: 7 }, date: 1, text },
  });
  assert.deepEqual(hear(said('/stop')), [{ from: '7', text: '/stop', wish: 'stop' }]);
  assert.deepEqual(hear(said('/start abc_DEF-1')), [{ from: '7', text: '/start abc_DEF-1', wish: 'start' }]);
  assert.deepEqual(hear(said('/stopwatch')), [{ from: '7', text: '/stopwatch' }]);
  assert.deepEqual(hear(said('Thanks')), [{ from: '7', text: 'Thanks' }]);
  assert.deepEqual(hear(said('/stop', 'group')), []);
  assert.deepEqual(
    hear('{"message":{"chat":{"id":9007199254740993,"type":"private"},"text":"x"}}')[0]?.from,
    '9007199254740993',
  );
});
