import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from './config.ts';
import { parseFlags } from './flags.ts';

describe('BELLHOP_FLAGS', () => {
  it('gives a value for both environments, or for one', () => {
    assert.deepEqual(parseFlags('failover=on, hooks@test=2.5%'), {
      values: [
        { flag: 'failover', environment: 'live', percentage: 100 },
        { flag: 'failover', environment: 'test', percentage: 100 },
        { flag: 'hooks', environment: 'test', percentage: 2.5 },
      ],
    });
    assert.deepEqual(parseConfig({}).flags, []);
    assert.equal(parseConfig({ BELLHOP_FLAGS: 'hooks=off' }).flags.length, 2);
  });

  it('is refused at the start when it is not understood', () => {
    for (const [text, why] of [
      ['failovr=on', /unknown flag "failovr"; known are failover, hooks/],
      ['failover', /not like name=on/],
      ['failover=101%', /more than 100%/],
      ['failover@prod=on', /not like/],
    ] as const) {
      assert.throws(() => parseConfig({ BELLHOP_FLAGS: text }), why);
    }
  });
});
