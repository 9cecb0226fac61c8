import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundStatement, firstColumn, WireReader } from './postgres-wire.ts';

function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

const BIND = message('B', Buffer.from('\0queue_claim\0\0\0\0\0\0\0'));
const SYNC = message('S', Buffer.alloc(0));

describe('the wire of PostgreSQL', () => {
  it('is cut into its messages however the bytes arrive', () => {
    const stream = Buffer.concat([message('', Buffer.from('\0\x03\0\0user\0')), BIND, SYNC]);
    for (const size of [1, 3, 7, stream.length]) {
      const reader = new WireReader('client');
      const types: string[] = [];
      const bytes: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        for (const each of reader.push(stream.subarray(at, at + size))) {
          types.push(each.type);
          bytes.push(each.bytes);
        }
      }
      assert.deepEqual(types, ['', 'B', 'S']);
      assert.deepEqual(Buffer.concat(bytes), stream);
    }
  });

  it('names the statement of a Bind, behind a named portal too', () => {
    assert.equal(boundStatement(BIND), 'queue_claim');
    assert.equal(boundStatement(message('B', Buffer.from('portal\0accept_insert\0'))), 'accept_insert');
  });

  it('gives the first column of a row', () => {
    const row = Buffer.from('\0\x02\0\0\0\x02id\xff\xff\xff\xff', 'latin1');
    assert.equal(firstColumn(message('D', row)), 'id');
    assert.equal(firstColumn(message('D', Buffer.from('\0\x01\xff\xff\xff\xff', 'latin1'))), null);
  });
});
