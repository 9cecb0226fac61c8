import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChunkCutter } from './chunks.ts';
import { csvLine, guard, MAX_RECORD_BYTES, RecordScanner, readFields, unguard } from './csv.ts';
import { readChunk } from './import-work.ts';

/** Records of a text that is whole: fields, or the problem. */
function parse(text: string | Buffer): (string[] | string)[] {
  const bytes = Buffer.from(text);
  const records: (string[] | string)[] = [];
  const scanner = new RecordScanner();
  for (let from = 0; from < bytes.length; ) {
    const end = scanner.endOf(bytes, from, true)!;
    // One that remembers nothing finds the same.
    assert.equal(new RecordScanner().endOf(bytes, from, true), end);
    const read = readFields(bytes, from, end);
    records.push('problem' in read ? read.problem : read.fields);
    from = end;
  }
  return records;
}

describe('CSV', () => {
  const CASES: [string, string, (string[] | RegExp)[]][] = [
    [
      'lines that end with LF, CRLF or CR',
      'a,b\nc,d\r\ne,f\rg,h',
      [
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f'],
        ['g', 'h'],
      ],
    ],
    [
      'quotes around commas, line breaks and quotes',
      '"a,b","c\r\nd","e ""f"""\nx',
      [['a,b', 'c\r\nd', 'e "f"'], ['x']],
    ],
    [
      'empty fields',
      ',,\n"",x,',
      [
        ['', '', ''],
        ['', 'x', ''],
      ],
    ],
    ['characters of several bytes', 'ä,"😀"\n', [['ä', '😀']]],
    ['a quote inside a bare field, without harm to others', 'a,5" pipe,b\nc\n', [/quote inside/, ['c']]],
    ['text behind a closing quote', '"a"b,c\nd\n', [/behind a closing/, ['d']]],
    ['a quote that is never closed', 'a,"b\nc,d\ne', [/not closed/, ['c', 'd'], ['e']]],
    ['a blank line', 'a\n\nb', [['a'], [''], ['b']]],
    ['a quote at the very end', 'a,"', [/not closed/]],
  ];
  for (const [fact, text, expected] of CASES) {
    it(`is read with ${fact}`, () => {
      const found = parse(text);
      assert.equal(found.length, expected.length, JSON.stringify(found));
      for (const [i, each] of expected.entries()) {
        if (each instanceof RegExp) assert.match(String(found[i]), each);
        else assert.deepEqual(found[i], each);
      }
    });
  }

  it('is refused where it is no UTF-8, and only there', () => {
    const bytes = Buffer.concat([Buffer.from('a,'), Buffer.from([0xff]), Buffer.from('\nb,c\n')]);
    assert.deepEqual(parse(bytes), ['must be UTF-8', ['b', 'c']]);
  });

  it('loses one line by a quote that swallows more than a record may hold', () => {
    const rest = 'x,y\n'.repeat(MAX_RECORD_BYTES / 4 + 10);
    const found = parse(`a,"b\n${rest}`);
    assert.match(String(found[0]), /not closed/);
    assert.equal(found.length, MAX_RECORD_BYTES / 4 + 11);
    assert.ok(found.slice(1).every((each) => Array.isArray(each) && each.length === 2));
  });

  it('takes no longer where every line opens a quote that nothing closes', () => {
    const line = 'a"b,"\n';
    const bytes = Buffer.from(line.repeat(200_000));
    const cutter = new ChunkCutter(2 * MAX_RECORD_BYTES);
    const chunks: Buffer[] = [];
    const began = performance.now();
    for (let at = 0; at < bytes.length; at += 16_384)
      chunks.push(...cutter.push(bytes.subarray(at, at + 16_384)));
    chunks.push(...cutter.finish());
    const rows = chunks.map((data) => readChunk({ columns: [] }, { first_line: 1, data }).rows);
    // Each line looked at for as long as a record may be, it takes two minutes.
    assert.ok(performance.now() - began < 5_000);
    assert.equal(
      rows.reduce((sum, count) => sum + count, 0),
      200_000,
    );
  });

  it('ends records alike with and without what was looked at before', () => {
    const piece = fc.constantFrom(
      ...['a"b,"\n', '"x\n', '"",\r', ',"\r\n', 'a,b\n', '"', 'x'.repeat(300), '""\n'],
    );
    const text = fc.array(fc.tuple(piece, fc.integer({ min: 1, max: 400 })), { maxLength: 30 });
    fc.assert(
      fc.property(text, (pieces) => {
        parse(pieces.map(([text, times]) => text.repeat(times)).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('is read back as it was written, whatever the cells hold', () => {
    const cell = fc.oneof(
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc
        .array(fc.constantFrom('"', ',', '\r', '\n', "'", '=', '+', '-', '@', 'a', '\t'), { maxLength: 6 })
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (rows) => {
        const found = parse(rows.map(csvLine).join(''));
        assert.deepEqual(
          found.map((row) => (row as string[]).map(unguard)),
          rows,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives a spreadsheet nothing to run', () => {
    for (const cell of ['=1+1', '+49151', '-1', '@x', '\tx', '\r=x', "'=x"]) {
      assert.equal(guard(cell), `'${cell}`);
      assert.equal(unguard(guard(cell)), cell);
    }
    for (const cell of ['a=1', "'quoted'", '', 'x'])
      assert.deepEqual([guard(cell), unguard(cell)], [cell, cell]);
  });

  it('is cut into chunks of whole records, however its bytes come', () => {
    const piece = fc.constantFrom('a', '"', ',', '\n', '\r\n', '\r', 'ä', 'b,c\n', '"x\ny"', '""');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }).map((all) => Buffer.from(all.join(''))),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 20 }),
        (bytes, sizes, chunkBytes) => {
          const cutter = new ChunkCutter(chunkBytes);
          const chunks: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length]!;
            chunks.push(...cutter.push(bytes.subarray(at, at + size)));
            at += size;
          }
          chunks.push(...cutter.finish());
          assert.deepEqual(Buffer.concat(chunks), bytes);
          assert.deepEqual(chunks.flatMap(parse), parse(bytes));
        },
      ),
      { numRuns: 500 },
    );
  });
});
