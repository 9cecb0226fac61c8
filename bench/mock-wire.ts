/** One connection of a mock, from the server's side: takes what arrived, says what to answer. */
export interface Reader {
  /** Sent before anything else. */
  greeting: Buffer;
  read(chunk: Buffer): Buffer[];
}

/** HTTP/1.1 with bodies of a given length: the same answer to every request. */
export class Http1Reader implements Reader {
  readonly greeting = Buffer.alloc(0);
  readonly #answer: Buffer;
  #rest: Buffer = Buffer.alloc(0);

  constructor(answer: string) {
    this.#answer = Buffer.from(answer);
  }

  read(chunk: Buffer): Buffer[] {
    const answers: Buffer[] = [];
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n');
      if (headEnd < 0) break;
      const length = Number(/content-length: *(\d+)/i.exec(rest.toString('latin1', 0, headEnd))?.[1] ?? 0);
      if (rest.length < headEnd + 4 + length) break;
      rest = rest.subarray(headEnd + 4 + length);
      answers.push(this.#answer);
    }
    this.#rest = rest;
    return answers;
  }
}

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const [DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE] = [0, 1, 4, 6, 8];
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
/** `:status: 200`, by its place in the static table (RFC 7541, appendix A). */
const STATUS_200 = Buffer.of(0x88);
/** SETTINGS_MAX_CONCURRENT_STREAMS: 1,000. */
const THOUSAND_STREAMS = Buffer.of(0, 3, 0, 0, 0x03, 0xe8);
/** With what is there at the start the connection takes a gigabyte, which no run comes near. */
const WINDOW = Buffer.of(0x3f, 0xff, 0, 0);

/** HTTP/2 (RFC 9113) as far as framing: 200 to every request, without a look at its headers. */
export class Http2Reader implements Reader {
  readonly greeting = Buffer.concat([
    frame(SETTINGS, 0, 0, THOUSAND_STREAMS),
    frame(WINDOW_UPDATE, 0, 0, WINDOW),
  ]);
  readonly #body: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #isGreeted = false;

  /** The body of each answer; short enough that the client's window never fills. */
  constructor(body: string) {
    this.#body = Buffer.from(body);
  }

  read(chunk: Buffer): Buffer[] {
    const answers: Buffer[] = [];
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isGreeted && rest.length >= PREFACE_BYTES) {
      rest = rest.subarray(PREFACE_BYTES);
      this.#isGreeted = true;
    }
    while (this.#isGreeted && rest.length >= HEAD_BYTES) {
      const size = HEAD_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < size) break;
      this.#answer(rest.subarray(0, size), answers);
      rest = rest.subarray(size);
    }
    this.#rest = rest;
    return answers;
  }

  #answer(received: Buffer, answers: Buffer[]): void {
    const [type, flags, stream] = [received[3]!, received[4]!, received.readUInt32BE(5)];
    const isRequest = type === DATA || type === HEADERS;
    if (isRequest && (flags & END_STREAM) !== 0) {
      const isEmpty = this.#body.length === 0;
      answers.push(frame(HEADERS, END_HEADERS | (isEmpty ? END_STREAM : 0), stream, STATUS_200));
      if (!isEmpty) answers.push(frame(DATA, END_STREAM, stream, this.#body));
    } else if (type === SETTINGS && (flags & ACK) === 0) {
      answers.push(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    } else if (type === PING && (flags & ACK) === 0) {
      answers.push(frame(PING, ACK, 0, received.subarray(HEAD_BYTES)));
    }
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, HEAD_BYTES);
  return bytes;
}
