import assert from 'node:assert/strict';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { test } from 'node:test';
import { createEgressGuard, EgressRefusedError, type Resolve } from './egress.ts';

const resolveTo =
  (...addresses: LookupAddress[]): Resolve =>
  (_, callback) =>
    callback(null, addresses);

const look = (
  lookup: ReturnType<typeof createEgressGuard>['lookup'],
  options: LookupOptions = { all: true },
) =>
  new Promise<unknown>((resolve) =>
    lookup('name.example.com', options, (error, address) => resolve(error ?? address)),
  );

test('the allow list opens exactly its addresses, on every port and for http', () => {
  const guard = createEgressGuard({ allow: ['10.1.0.0/16', '192.168.1.7', 'fd00:1::/32'] });
  const opened = [
    'http://10.1.0.0/',
    'http://10.1.255.255:6379/',
    'https://10.1.2.3:22/',
    'http://192.168.1.7:8080/',
    'http://0x0a010203/',
    'http://[::ffff:10.1.2.3]/',
    'http://[::ffff:a01:203]:81/',
    'http://[fd00:1::1]/',
    'http://[fd00:1:ffff::]/',
  ];
  for (const url of opened) assert.deepEqual(guard.checkUrl(url), { ok: true }, url);
  const closed = [
    'http://10.0.255.255/',
    'http://10.2.0.0/',
    'http://192.168.1.6/',
    'http://192.168.1.8/',
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:10.2.0.0]/',
    'http://[::10.1.2.3]/',
    'http://[64:ff9b::10.1.2.3]/',
    'http://[2002:a01:203::]/',
    'http://[fd00:2::1]/',
    'http://93.184.215.14/',
    'https://93.184.215.14:22/',
    'http://user@10.1.2.3/',
    'ftp://10.1.2.3/',
  ];
  for (const url of closed) assert.equal(guard.checkUrl(url).ok, false, url);
});

test('an IPv6 network in the allow list opens no IPv4 address, nor the other way round', () => {
  const six = createEgressGuard({ allow: ['::/0'] });
  assert.equal(six.checkAddress('127.0.0.1').ok, false);
  assert.equal(six.checkAddress('::1').ok, true);
  const four = createEgressGuard({ allow: ['0.0.0.0/0'] });
  assert.equal(four.checkAddress('127.0.0.1').ok, true);
  assert.equal(four.checkAddress('::1').ok, false);
  assert.equal(four.checkAddress('fd00::1').ok, false);
});

test('a network in the allow list that is none stops the start with its name', () => {
  const bad = [
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'fd00::/129',
    'localhost',
    '',
    '10.0.0.0/1e1',
  ];
  for (const cidr of bad) {
    assert.throws(
      () => createEgressGuard({ allow: ['127.0.0.1/32', cidr] }),
      (error: Error) => error.message.includes(`"${cidr}"`),
      cidr,
    );
  }
});

test('a name with one forbidden address among several is refused, wherever it stands', async () => {
  const open = { address: '93.184.215.14', family: 4 };
  for (const address of ['10.0.0.1', '::1', '::ffff:127.0.0.1', 'fe80::1%eth0', 'not an address']) {
    const shut = { address, family: address.includes(':') ? 6 : 4 };
    for (const addresses of [
      [open, shut],
      [shut, open],
    ]) {
      const { lookup } = createEgressGuard({ allow: [], resolve: resolveTo(...addresses) });
      for (const options of [{ all: true }, { all: false }, { family: 4 }, { family: 6 }]) {
        const error = await look(lookup, options);
        assert.ok(error instanceof EgressRefusedError, `${address} ${JSON.stringify(options)}`);
        assert.equal(error.code, 'EGRESS_REFUSED');
      }
    }
  }
});

test('the lookup hands on the addresses in the form that was asked for', async () => {
  const four = { address: '93.184.215.14', family: 4 };
  const six = { address: '2606:4700::1111', family: 6 };
  const { lookup } = createEgressGuard({ allow: [], resolve: resolveTo(four, six) });
  assert.deepEqual(await look(lookup, { all: true }), [four, six]);
  assert.deepEqual(await look(lookup, { all: true, family: 6 }), [six]);
  assert.equal(await look(lookup, {}), four.address);
  assert.equal(await look(lookup, { family: 6 }), six.address);
});

test('an error of the resolver is passed on as it is', async () => {
  const { lookup } = createEgressGuard({
    allow: [],
    resolve: (_, callback) => callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
  });
  assert.equal(((await look(lookup)) as NodeJS.ErrnoException).code, 'ENOTFOUND');
});

test('a name on plain http or on a closed port reaches only addresses of the allow list', async () => {
  const targets = [
    { protocol: 'http:', host: 'name.example.com', port: 80 },
    { protocol: 'https:', host: 'name.example.com', port: 22 },
    { protocol: 'smtp:', host: 'name.example.com', port: 110 },
  ] as const;
  for (const target of targets) {
    const to = (address: string) => {
      const guard = createEgressGuard({ allow: ['10.0.0.0/8'], resolve: resolveTo({ address, family: 4 }) });
      assert.deepEqual(guard.checkTarget(target), { ok: true });
      return look(guard.lookupFor(target));
    };
    assert.ok((await to('93.184.215.14')) instanceof EgressRefusedError, target.protocol);
    assert.deepEqual(await to('10.9.9.9'), [{ address: '10.9.9.9', family: 4 }]);
  }
});

test('mail goes to public servers on the ports of mail, and never to private ones', () => {
  const guard = createEgressGuard({ allow: [] });
  const smtp = (host: string, port: number) => guard.checkTarget({ protocol: 'smtp:', host, port }).ok;
  for (const port of [25, 465, 587, 2525]) assert.equal(smtp('93.184.215.14', port), true, String(port));
  for (const port of [22, 80, 143, 443, 0, 65_536, 25.5])
    assert.equal(smtp('93.184.215.14', port), false, String(port));
  for (const host of ['127.0.0.1', '127.0.0.1.', '::1', '10.0.0.1', 'localhost', 'mail.LOCALHOST.', '', '.'])
    assert.equal(smtp(host, 25), false, host);
});
