import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 10 * 512;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;
let lastMs = 0;
let sequence = 0;
let fill: (bytes: Uint8Array) => void = randomFillSync;

/** For replayable runs in tests: ids take their random bits from here and start over. Without a source: from the system. */
export function setIdSource(source: (bytes: Uint8Array) => void = randomFillSync): void {
  fill = source;
  used = POOL_BYTES;
  lastMs = 0;
  sequence = 0;
}

/**
 * A UUIDv7 (RFC 9562, 5.7) for `nowMs`, milliseconds since the epoch. Ids made by one process in the same
 * millisecond ascend: the 12 bits after the time are a counter (method 1 of section 6.2).
 */
export function uuidv7(nowMs: number): string {
  const ms = Math.floor(nowMs);
  if (ms > lastMs || ms < lastMs - 1000) {
    lastMs = ms;
    sequence = 0;
  } else if (++sequence > 0xfff) {
    lastMs++;
    sequence = 0;
  }
  if (used + 8 > POOL_BYTES) {
    fill(pool);
    used = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  const counter = (0x7000 | sequence).toString(16);
  let tail = '';
  for (let i = 0; i < 8; i++) {
    const byte = i === 0 ? (pool[used + i]! & 0x3f) | 0x80 : pool[used + i]!;
    tail += HEX[byte];
  }
  used += 8;
  return `${time.slice(0, 8)}-${time.slice(8)}-${counter}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The smallest UUIDv7 of a moment: a bound for partitions and time ranges, never an id. */
export function uuidv7Floor(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Milliseconds since the epoch at which a UUIDv7 was made. */
export function uuidv7Time(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
