import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';

/** The rooms in the order in which they may know each other: a room imports only rooms of earlier rows. */
const ORDER = [
  ['lib'],
  ['providers'],
  ['config'],
  ['telemetry'],
  ['store', 'http'],
  ['ledger'],
  ['queue'],
  ['tenants', 'users', 'templates', 'flags'],
  ['rules'],
  ['hooks', 'webhooks', 'consent', 'audiences', 'visits'],
  ['routing', 'inbox'],
  ['accept', 'delivery'],
  ['schedules', 'digests', 'otp'],
  ['tracking', 'simulator'],
  ['cli'],
];
const ROOT = new URL('../src/', import.meta.url).pathname;
const RANK = new Map(ORDER.flatMap((rooms, rank) => rooms.map((room) => [room, rank] as const)));
const IMPORT = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

const roomOf = (path: string) => (path.includes('/') ? path.split('/')[0]! : 'the top');

function importsOf(file: string): { target: string; text: string }[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(IMPORT)].map((match) => ({
    target: relative(ROOT, join(ROOT, dirname(file), match[1]!)),
    text: match[1]!,
  }));
}

describe('the import rule', () => {
  const files = globSync('**/*.ts', { cwd: ROOT }).filter(
    (file) => !file.endsWith('.test.ts') && !file.includes('simulator/page/'),
  );

  it('knows every room', () => {
    const rooms = new Set(files.map(roomOf).filter((room) => room !== 'the top'));
    assert.deepEqual(
      [...rooms].filter((room) => !RANK.has(room)),
      [],
    );
  });

  it('lets imports point one way, and through the public face of a room only', () => {
    const broken: string[] = [];
    for (const file of files) {
      const from = roomOf(file);
      if (from === 'the top') continue;
      for (const { target, text } of importsOf(file)) {
        const to = roomOf(target);
        if (to === from || target.startsWith('..')) continue;
        if (to === 'the top') {
          if (from !== 'cli') broken.push(`${file} imports ${text}: only app.ts builds things`);
        } else if (RANK.get(to)! >= RANK.get(from)!)
          broken.push(`${file} imports ${text}: ${to} does not come before ${from}`);
        else if (to !== 'lib' && !/^[^/]+\/(index|contract)\.ts$/.test(target)) {
          broken.push(`${file} imports ${text}: other rooms are entered by their index.ts`);
        }
      }
    }
    assert.deepEqual(broken, []);
  });

  it('lets no room name a provider', () => {
    const named = files
      .filter((file) => !file.startsWith('providers/'))
      .filter((file) =>
        importsOf(file).some(({ target }) =>
          /^providers\/(push|email|sms|chat|webhook|inbox)\//.test(target),
        ),
      );
    assert.deepEqual(named, []);
  });
});
