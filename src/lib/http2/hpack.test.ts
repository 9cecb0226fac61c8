import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CompressionError, HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { HUFFMAN_CODES } from './huffman.ts';
import { Output } from './output.ts';

type Fields = [name: string, value: string][];

function decode(decoder: HpackDecoder, bytes: Uint8Array): Fields {
  const fields: Fields = [];
  decoder.decode(Buffer.from(bytes), 0, bytes.length, (name, value) => fields.push([name, value]));
  return fields;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decodeHex = (text: string, decoder = new HpackDecoder()) => decode(decoder, hex(text));

/** RFC 7541, 5.2, as a peer would write it. */
function huffman(text: string): Buffer {
  let bits = '';
  for (const byte of Buffer.from(text, 'latin1')) {
    const { code, length } = HUFFMAN_CODES[byte]!;
    bits += code.toString(2).padStart(length, '0');
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}

const REQUESTS: Fields[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];
const answer = (status: string, date: string, ...more: Fields): Fields => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', `Mon, 21 Oct 2013 20:13:${date} GMT`],
  ['location', 'https://www.example.com'],
  ...more,
];
const ANSWERS: Fields[] = [
  answer('302', '21'),
  answer('307', '21'),
  answer(
    '200',
    '22',
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ),
];

describe('the examples of RFC 7541, appendix C', () => {
  it('C.2: each way to write a field', () => {
    const literal = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572';
    assert.deepEqual(decodeHex(literal), [['custom-key', 'custom-header']]);
    assert.deepEqual(decodeHex('040c 2f73 616d 706c 652f 7061 7468'), [[':path', '/sample/path']]);
    assert.deepEqual(decodeHex('1008 7061 7373 776f 7264 0673 6563 7265 74'), [['password', 'secret']]);
    assert.deepEqual(decodeHex('82'), [[':method', 'GET']]);
  });

  const sequences: [name: string, tableBytes: number, blocks: string[], expected: Fields[]][] = [
    [
      'C.3: requests',
      4_096,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
      REQUESTS,
    ],
    [
      'C.4: requests with Huffman codes',
      4_096,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
      REQUESTS,
    ],
    [
      'C.5: answers, with a table that overflows',
      256,
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
      ANSWERS,
    ],
    [
      'C.6: answers with Huffman codes',
      256,
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
      ANSWERS,
    ],
  ];
  for (const [name, tableBytes, blocks, expected] of sequences) {
    it(name, () => {
      const decoder = new HpackDecoder(tableBytes);
      for (const [index, block] of blocks.entries())
        assert.deepEqual(decodeHex(block, decoder), expected[index]);
    });
  }
});

describe('a decoder of header blocks', () => {
  it('reads back every byte of every Huffman string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const value = Buffer.from(bytes).toString('latin1');
        const coded = huffman(value);
        const length = coded.length < 127 ? [0x80 | coded.length] : [0xff, 0, 0];
        if (coded.length >= 127) {
          length[1] = ((coded.length - 127) & 0x7f) | 0x80;
          length[2] = (coded.length - 127) >> 7;
        }
        const block = Buffer.concat([Buffer.from([0, 1, 0x61, ...length]), coded]);
        assert.deepEqual(decode(new HpackDecoder(), block), [['a', value]]);
      }),
    );
  });

  const broken: [string, string][] = [
    ['an index of nothing', '80'],
    ['an index behind the table', 'be'],
    ['a string that ends outside', '0001 61 05 61'],
    ['an integer without end', 'ff ff ff ff ff ff ff ff'],
    ['an integer that is cut off', 'ff'],
    ['a table that is larger than allowed', '3f e2 1f'],
    ['a table size behind a field', '82 20'],
    ['padding with a zero in it', '0001 61 81 1e'],
    ['padding of a whole byte', '0001 61 82 1f ff'],
    ['the end-of-string symbol', '0001 61 84 ff ff ff ff'],
    ['a literal without a value', '0001 61'],
  ];
  for (const [name, block] of broken) {
    it(`refuses ${name}`, () => assert.throws(() => decodeHex(block), CompressionError));
  }

  it('never fails in another way, whatever arrives', () => {
    const decoder = new HpackDecoder();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decode(decoder, bytes);
        } catch (error) {
          assert.ok(error instanceof CompressionError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an encoder of header blocks', () => {
  const encode = (encoder: HpackEncoder, fields: Fields, secret?: string): Buffer => {
    const output = new Output();
    encoder.beginBlock(output);
    for (const [name, value] of fields) encoder.writeField(output, name, value, name === secret);
    return output.take();
  };

  it('writes a field that repeats as one byte from the third time on', () => {
    const encoder = new HpackEncoder();
    const fields: Fields = [
      ['authorization', `bearer ${'x'.repeat(200)}`],
      ['apns-topic', 'com.example'],
      ['content-type', 'application/json'],
    ];
    const sizes = [1, 2, 3].map(() => encode(encoder, fields).length);
    assert.equal(sizes[2], 3);
  });

  it('lets nobody keep a secret value, and refers to its name', () => {
    const encoder = new HpackEncoder();
    const blocks = [1, 2, 3].map(() => encode(encoder, [[':path', '/3/device/t']], ':path'));
    for (const block of blocks) {
      assert.equal(block[0], 0x14);
      assert.equal(block.length, 13);
    }
  });

  it('is understood, whatever the fields and however the peer changes the size of the table', () => {
    const name = fc.constantFrom(
      ':path',
      'authorization',
      'content-type',
      'apns-id',
      'x-long',
      'etag',
      'date',
    );
    const value = fc.oneof(
      fc.constantFrom('a', 'b', '', 'application/json', 'x'.repeat(900), 'y'.repeat(5_000)),
      fc.string({ unit: 'binary-ascii', maxLength: 200 }),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    const block = fc.record({
      limits: fc.array(fc.nat(9_000), { maxLength: 3 }),
      fields: fc.array(fc.tuple(name, value), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 30 }), (blocks) => {
        const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()];
        for (const { limits, fields } of blocks) {
          for (const limit of limits) encoder.limitTable(limit);
          assert.deepEqual(decode(decoder, encode(encoder, fields, 'x-long')), fields);
        }
      }),
    );
  });
});
