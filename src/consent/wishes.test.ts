import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readWishes } from './wishes.ts';

const said = (from: string, text: string, wish?: 'stop' | 'start' | 'help') => ({
  from,
  text,
  ...(wish && { wish }),
});

it('numbers are read in any form, and the last word of one counts', () => {
  const messages = [
    said('+49 1511 2345678', 'STOP'),
    said('+4915112345679', 'Stopp'),
    said('+1 (415) 867-5309', 'stop'),
    said('+14158675309', 'Unstop'),
  ];
  assert.deepEqual(readWishes('phone', messages), {
    stop: ['+4915112345678', '+4915112345679'],
    start: ['+14158675309'],
  });
});

it('ordinary answers, calls for help and senders without a number want nothing', () => {
  const messages = [
    said('+14158675309', 'Please do not stop'),
    said('+14158675309', 'HELP'),
    said('+14158675309', 'Stopp'),
    said('12345', 'STOP'),
    said('whatsapp:+14158675309', 'STOP'),
    said('', 'STOP'),
  ];
  assert.deepEqual(readWishes('phone', messages), { stop: [], start: [] });
});

it('what the vendor read goes before what the words are', () => {
  assert.deepEqual(readWishes('phone', [said('+14158675309', 'No more pizza', 'stop')]).stop, [
    '+14158675309',
  ]);
  assert.deepEqual(readWishes('phone', [said('+14158675309', 'STOP', 'help')]).stop, []);
});

it('in chats a word alone stops, and what the vendor tells of followers', () => {
  const messages = [
    said('1001', '/stop'),
    said('1002', 'Can you stop that?'),
    said('1003', 'yes'),
    said('1004', '', 'stop'),
    said('1005', 'Unsubscribe'),
    said('1005', ' start '),
    said('bad\naddress', 'stop'),
  ];
  assert.deepEqual(readWishes('telegram', messages), { stop: ['1001', '1004'], start: ['1005'] });
});
