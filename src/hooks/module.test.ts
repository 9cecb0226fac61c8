import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadHooksModule } from './module.ts';

describe("the operator's hooks module", () => {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-module-'));
  after(() => rmSync(folder, { recursive: true }));
  let files = 0;
  const load = (source: string) => {
    const path = join(folder, `hooks-${++files}.mjs`);
    writeFileSync(path, source);
    return loadHooksModule(path);
  };

  it('is fail-open with 300 ms unless it says otherwise', async () => {
    const { timeoutMs, onFailure, preSend, postSend } = await load('export const preSend = () => {};');
    assert.deepEqual([timeoutMs, onFailure, typeof preSend, postSend], [300, 'open', 'function', undefined]);
    const own = await load(
      'export function postSend() {}\nexport const timeoutMs = 50;\nexport const onFailure = "closed";',
    );
    assert.deepEqual([own.timeoutMs, own.onFailure, own.preSend], [50, 'closed', undefined]);
  });

  it('ends the start with the setting and the reason when it is not what it should be', async () => {
    for (const [source, why] of [
      ['export const x = 1;', /BELLHOP_HOOKS_MODULE: .* exports neither preSend nor postSend/],
      ['export const preSend = 1;', /exports a preSend that is no function/],
      ['export const preSend = () => {}; export const timeoutMs = 2001;', /timeoutMs/],
      ['export const preSend = () => {}; export const onFailure = "ajar";', /onFailure/],
      ['export const preSend = (', /can not be loaded/],
      ['throw new Error("on its own")', /can not be loaded: on its own/],
    ] as const) {
      await assert.rejects(load(source), why);
    }
    await assert.rejects(loadHooksModule(join(folder, 'missing.mjs')), /can not be loaded/);
  });
});
