import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';

const run = promisify(execFile);
const TEST_KEY = 'bh_test_key_for_the_examples_32_characters';
const here = (file: string) => new URL(file, import.meta.url).pathname;

describe('the examples', () => {
  let bellhop: RunningBellhop;
  before(async () => {
    bellhop = await startBellhop({ BELLHOP_BOOTSTRAP_KEY: TEST_KEY });
  });
  after(() => bellhop?.dispose());

  const env = () => ({ PATH: process.env.PATH, BELLHOP_URL: bellhop.url, BELLHOP_KEY: TEST_KEY });

  it('first-notification.sh prints the user, the id and the end of all three deliveries', async () => {
    const { stdout } = await run('sh', [here('first-notification.sh')], { env: env() });
    const [user, accepted, status] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(user.contacts.phone.address, '+14155550123');
    assert.equal(accepted.status, 'accepted');
    assert.equal(status.id, accepted.id);
    assert.equal(status.status, 'sent');
    assert.deepEqual(
      status.deliveries.map((delivery: { channel: string; state: string }) => [
        delivery.channel,
        delivery.state,
      ]),
      [
        ['email', 'sent'],
        ['sms', 'sent'],
        ['inbox', 'sent'],
      ],
    );
  });

  it('first-notification.sh fails with the words of the API when the key is wrong', async () => {
    const wrong = { ...env(), BELLHOP_KEY: 'bh_test_wrong' };
    await assert.rejects(run('sh', [here('first-notification.sh')], { env: wrong }), (error) => {
      assert.match((error as { stdout: string }).stdout, /"code":"auth\.invalid"/);
      return true;
    });
  });

  it('send.ts sends once for one idempotency key and waits for the end', async () => {
    const { stdout } = await run(process.execPath, [here('send.ts')], { env: env() });
    assert.match(stdout, /^accepted [0-9a-f-]{36}; sent again with the same key: the same id$/m);
    assert.match(
      stdout,
      /^status sent\n {2}email: sent, 1 attempt\n {2}sms: sent, 1 attempt\n {2}inbox: sent, 1 attempt$/m,
    );
    const list = await bellhop.call('GET', '/v1/notifications?userId=grace');
    assert.equal(list.body.items.length, 1);
  });
});
