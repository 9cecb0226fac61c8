import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSmtpTransport } from './smtp.ts';
import { mailTo, startMailServer } from './test-mail.ts';
import { loopbackGuard, sendOptions } from './test-peers.ts';

const DSN = { EHLO: '250-mail.example.com\n250 DSN' };

for (const [offer, script, parameters] of [
  [
    'a server that offers DSN is asked for reports, under our id',
    DSN,
    [' RET=HDRS ENVID=d1', ' NOTIFY=FAILURE,DELAY'],
  ],
  ['a server that does not is asked for nothing', {}, ['', '']],
] as const) {
  test(offer, async (t) => {
    const server = await startMailServer(t, script);
    const transport = createSmtpTransport({ guard: loopbackGuard });
    t.after(() => transport.close());
    const request = mailTo(server.port);
    const sent = await transport.send(
      { ...request, envelope: { ...request.envelope, dsn: { id: 'd1' } } },
      sendOptions(),
    );
    assert.partialDeepStrictEqual(sent, { reply: { kind: 'delivered' } });
    const [from, to] = parameters;
    assert.match(server.heard, new RegExp(`^MAIL FROM:<from@example.com>${from}\r$`, 'm'));
    assert.match(server.heard, new RegExp(`^RCPT TO:<to@example.com>${to}\r$`, 'm'));
  });
}
