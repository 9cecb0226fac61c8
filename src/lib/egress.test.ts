import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';
import { createEgressGuard, type EgressGuard, type Resolve, targetOfUrl } from './egress.ts';

/** A DNS server that gives these answers; a name without one does not exist. */
function dns(answers: Record<string, string[]>): Resolve {
  return (hostname, callback) => {
    const addresses = answers[hostname.replace(/\.$/, '').toLowerCase()];
    if (!addresses) return callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

/** Both looks of the guard, as a connect takes them: the addresses it may use, or null when it is refused. */
async function reach(guard: EgressGuard, url: string): Promise<string[] | null> {
  if (!guard.checkUrl(url).ok) return null;
  const target = targetOfUrl(new URL(url));
  if (/^[\d.]+$|:/.test(target.host)) return [target.host];
  return new Promise((resolve, reject) => {
    guard.lookupFor(target)(target.host, { all: true }, (error, addresses) => {
      if (!error) return resolve((addresses as LookupAddress[]).map(({ address }) => address));
      if ((error as NodeJS.ErrnoException).code === 'EGRESS_REFUSED') return resolve(null);
      reject(error);
    });
  });
}

const NAMES = dns({
  localhost: ['127.0.0.1', '::1'],
  'api.localhost': ['127.0.0.1'],
  'intern.example.com': ['10.1.2.3'],
  'metadata.google.internal': ['169.254.169.254'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  'mapped.example.com': ['::ffff:10.0.0.1'],
  'mixed.example.com': ['93.184.215.14', '10.0.0.1'],
  'mixed6.example.com': ['2606:4700::1111', '::1'],
  'empty.example.com': [],
  'example.com': ['93.184.215.14'],
  'both.example.com': ['93.184.215.14', '2606:4700::1111'],
});

const REFUSED = {
  'this machine': [
    'https://127.0.0.1/',
    'https://127.0.0.1./',
    'https://127.255.255.254/',
    'https://0.0.0.0/',
    'https://0/',
    'https://127.1/',
    'https://127.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7F.1/',
    'https://0x7f.0x0.0x0.0x1/',
    'https://017700000001/',
    'https://0177.0.0.1/',
    'https://0177.0x0.0.01/',
    'https://%31%32%37.0.0.1/',
    'https://127%2e0%2e0%2e1/',
    'https://①②⑦.⓪.⓪.①/',
    'https://127。0。0。1/',
    'https://１２７.0.0.1/',
    'https:127.0.0.1',
    'https:\\\\127.0.0.1\\',
    'https://127.0.0.1\t/',
    'https://local\nhost/',
    'https://localhost/',
    'https://LOCALHOST/',
    'https://localhost./',
    'https://api.localhost/',
    'https://%6c%6f%63%61%6c%68%6f%73%74/',
    'https://ⓛocalhost/',
    'https://127.0.0.1.nip.io/',
  ],
  'IPv6 loopback and what carries IPv4 inside': [
    'https://[::1]/',
    'https://[::]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[0000::0001]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::FFFF:a9fe:a9fe]/',
    'https://[::127.0.0.1]/',
    'https://[::7f00:1]/',
    'https://[::ffff:0:127.0.0.1]/',
    'https://[64:ff9b::127.0.0.1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[64:ff9b:1::10.0.0.1]/',
    'https://[2002:7f00:1::]/',
    'https://[2002:a9fe:a9fe::1]/',
    'https://[2001:0:7f00:1::]/',
    'https://[2001::1]/',
  ],
  'private and special IPv6': [
    'https://[fc00::1]/',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://[fe80::1%25eth0]/',
    'https://[fe80::1%eth0]/',
    'https://[2606:4700::1111%25lo]/',
    'https://[fec0::1]/',
    'https://[ff02::1]/',
    'https://[2001:db8::1]/',
    'https://[2001:2::1]/',
    'https://[2001:10::1]/',
    'https://[3fff::1]/',
    'https://[100::1]/',
    'https://[4000::1]/',
    'https://[5f00::1]/',
  ],
  'private and special IPv4': [
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://100.127.255.255/',
    'https://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254./',
    'https://2852039166/',
    'https://0xa9fea9fe/',
    'https://0xA9.0xFE.0xA9.0xFE/',
    'https://0251.0376.0251.0376/',
    'https://169.254.43518/',
    'https://168.63.129.16/',
    'https://192.0.0.170/',
    'https://192.0.2.1/',
    'https://192.88.99.1/',
    'https://198.18.0.1/',
    'https://198.19.255.255/',
    'https://198.51.100.1/',
    'https://203.0.113.1/',
    'https://224.0.0.1/',
    'https://239.255.255.250/',
    'https://240.0.0.1/',
    'https://255.255.255.255/',
  ],
  'names that lead inside': [
    'https://intern.example.com/',
    'https://INTERN.example.com./',
    'https://metadata.google.internal/',
    'https://mapped.example.com/',
    'https://mixed.example.com/',
    'https://mixed6.example.com/',
    'https://empty.example.com/',
  ],
  'user information': [
    'https://user@example.com/',
    'https://user:pass@example.com/',
    'https://:pass@example.com/',
    'https://example.com@127.0.0.1/',
    'https://example.com%40x@10.0.0.1/',
    'https://127.0.0.1#@example.com/',
    'https://127.0.0.1\\@example.com/',
  ],
  'other schemes, and what is no URL': [
    'http://example.com/',
    'http://93.184.215.14/',
    'http://example.com:443/',
    'HTTP://example.com:8080/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com:6379/_FLUSHALL',
    'dict://example.com:11211/stat',
    'ws://example.com/',
    'wss://example.com/',
    'data:text/plain,hi',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    'blob:https://example.com/1',
    '//example.com/',
    'example.com',
    '',
    'https://',
    'https://exa mple.com/',
    'https://256.1.1.1/',
    'https://1.2.3.4.5/',
    'https://[::1/',
    'https://example.com:99999/',
  ],
  'ports where no web server is': [
    'https://example.com:22/',
    'https://example.com:25/',
    'https://example.com:53/',
    'https://example.com:80/',
    'https://93.184.215.14:22/',
    'https://example.com:0/',
    'https://[2606:4700::1111]:25/',
  ],
};

for (const [group, urls] of Object.entries(REFUSED)) {
  test(`without an allow list no spelling reaches ${group}`, async () => {
    const guard = createEgressGuard({ allow: [], resolve: NAMES });
    for (const url of urls) assert.equal(await reach(guard, url), null, url);
  });
}

test('public names and addresses are reached', async () => {
  const guard = createEgressGuard({ allow: [], resolve: NAMES });
  const reached: [string, string[]][] = [
    ['https://example.com/hook?x=1#y', ['93.184.215.14']],
    ['https://EXAMPLE.com./', ['93.184.215.14']],
    ['https://example.com:8443/', ['93.184.215.14']],
    ['https://example.com:2197/', ['93.184.215.14']],
    ['https://both.example.com/', ['93.184.215.14', '2606:4700::1111']],
    ['https://93.184.215.14/', ['93.184.215.14']],
    ['https://1.1.1.1/', ['1.1.1.1']],
    ['https://9.255.255.255/', ['9.255.255.255']],
    ['https://11.0.0.1/', ['11.0.0.1']],
    ['https://100.63.255.255/', ['100.63.255.255']],
    ['https://100.128.0.1/', ['100.128.0.1']],
    ['https://172.15.255.255/', ['172.15.255.255']],
    ['https://172.32.0.1/', ['172.32.0.1']],
    ['https://[2606:4700::1111]/', ['2606:4700::1111']],
    ['https://[2a00:1450:4001:800::200e]/', ['2a00:1450:4001:800::200e']],
    ['https://[2001:4860:4860::8888]/', ['2001:4860:4860::8888']],
    ['https://[2400:cb00::1]/', ['2400:cb00::1']],
  ];
  for (const [url, addresses] of reached) assert.deepEqual(await reach(guard, url), addresses, url);
});
