import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readSmsWishes } from './sms-wishes.ts';

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
  assert.deepEqual(readSmsWishes(messages), {
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
  assert.deepEqual(readSmsWishes(messages), { stop: [], start: [] });
});

it('what the vendor read goes before what the words are', () => {
  assert.deepEqual(readSmsWishes([said('+14158675309', 'No more pizza', 'stop')]).stop, ['+14158675309']);
  assert.deepEqual(readSmsWishes([said('+14158675309', 'STOP', 'help')]).stop, []);
});
