import { invalidField, Problem } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import { ChunkCutter } from './chunks.ts';
import { countLines, RecordScanner, readFields } from './csv.ts';
import { type Column, parseColumns } from './import-row.ts';
import {
  appendToImport,
  completeImport,
  countUnfinished,
  findImport,
  type ImportKey,
  type ImportRow,
  insertImport,
  type Received,
} from './import-store.ts';

export const MAX_IMPORT_BYTES = 1_024 * 1_024 * 1_024;
/** Some thousand rows: as many as are stored in one transaction, short enough for the embedded database to serve others. */
const CHUNK_BYTES = 128 * 1_024;
const MAX_UNFINISHED = 5;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

interface Deps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
}

interface Incoming {
  key: ImportKey;
  stream: AsyncIterable<Buffer>;
  /** Nothing more comes after this stream. */
  isLast: boolean;
}

/**
 * Stores a file of users as it comes in, in chunks of whole records; the heading is checked before anything is stored.
 * When the stream breaks, what came whole is kept, and `continueImport` goes on behind it.
 */
export async function startImport(deps: Deps, incoming: Incoming & { dryRun: boolean }): Promise<ImportRow> {
  const { key, stream, isLast, dryRun } = incoming;
  const rest = whole(stream);
  const { header, columns, behind } = await readHeader(rest);
  const now = new Date(deps.clock.now());
  const row = await deps.store.scoped(key.tenantId, async (db) => {
    if ((await countUnfinished(db, key.tenantId, MAX_UNFINISHED)) >= MAX_UNFINISHED) {
      throw new Problem(
        'request.unprocessable',
        `There are ${MAX_UNFINISHED} unfinished imports: wait, or cancel one`,
      );
    }
    await insertImport(db, key, { dryRun, now });
    const part = { offset: 0, bytes: header.length, lines: countLines(header), columns, data: null, now };
    return appendToImport(db, key, part);
  });
  return receive(deps, { key, isLast, stream: prepend(behind, rest) }, row!);
}

/** Appends to an import whose file did not come in one piece; `offset` is where the stream begins in the file. */
export async function continueImport(
  deps: Deps,
  incoming: Incoming & { offset: number },
): Promise<ImportRow> {
  const { key, offset } = incoming;
  const row = await deps.store.scoped(key.tenantId, (db) => findImport(db, key));
  if (!row) throw new Problem('import.not_found');
  if (row.state !== 'receiving') throw new Problem('import.over', `It is ${row.state}`);
  if (row.bytes !== offset)
    throw invalidField('query/offset', `must be ${row.bytes}, which is what is stored`);
  return receive(deps, { ...incoming, stream: whole(incoming.stream) }, row);
}

async function receive(
  { store, clock }: Deps,
  { key, stream, isLast }: Incoming,
  from: ImportRow,
): Promise<ImportRow> {
  const cutter = new ChunkCutter(CHUNK_BYTES);
  let row = from;
  const append = async (chunks: Buffer[]) => {
    for (const data of chunks) {
      if (row.bytes + data.length > MAX_IMPORT_BYTES) throw new Problem('request.too_large');
      const part: Received = {
        offset: row.bytes,
        bytes: data.length,
        lines: countLines(data),
        columns: null,
        data,
        now: new Date(clock.now()),
      };
      const next = await store.scoped(key.tenantId, (db) => appendToImport(db, key, part));
      if (!next) throw new Problem('import.over', 'It was ended, or continued by somebody else, meanwhile');
      row = next;
    }
  };
  try {
    for await (const bytes of stream) await append(cutter.push(bytes));
  } catch (error) {
    if (error instanceof BrokenOff) await append(cutter.flush());
    throw error;
  }
  await append(isLast ? cutter.finish() : cutter.flush());
  if (!isLast) return row;
  const complete = await store.scoped(key.tenantId, (db) => completeImport(db, key, new Date(clock.now())));
  if (!complete) throw new Problem('import.over');
  return complete;
}

async function readHeader(
  stream: AsyncIterator<Buffer>,
): Promise<{ header: Buffer; columns: Column[]; behind: Buffer }> {
  let bytes: Buffer = Buffer.alloc(0);
  const scanner = new RecordScanner();
  let end: number | null = null;
  while (end === null) {
    const next = await stream.next();
    if (!next.done) bytes = Buffer.concat([bytes, next.value]);
    if (next.done && bytes.length === 0) throw new Problem('import.invalid', 'The file is empty');
    end = scanner.endOf(bytes, 0, next.done === true);
  }
  const header = bytes.subarray(0, end);
  const start = header.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  const read = readFields(header, start, end);
  if ('problem' in read) throw new Problem('import.invalid', `The first line ${read.problem}`);
  return { header, columns: parseColumns(read.fields), behind: bytes.subarray(end) };
}

/** The client went away, or took too long. */
class BrokenOff extends Problem {
  constructor(cause: unknown) {
    super('request.malformed', 'The file broke off; go on behind what is stored', { cause });
  }
}

async function* whole(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    throw new BrokenOff(error);
  }
}

async function* prepend(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
