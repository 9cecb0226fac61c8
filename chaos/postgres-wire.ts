/** One message of the PostgreSQL protocol, bytes included. Its type is '' for the untyped first one of a client. */
export interface WireMessage {
  type: string;
  bytes: Buffer;
}

const LENGTH_BYTES = 4;

/**
 * Cuts a stream into messages (https://www.postgresql.org/docs/current/protocol-message-formats.html): a type byte, a
 * length that counts itself, the content. Only what a client says first has no type.
 */
export class WireReader {
  #rest: Buffer = Buffer.alloc(0);
  #isUntyped: boolean;

  constructor(side: 'client' | 'server') {
    this.#isUntyped = side === 'client';
  }

  push(chunk: Buffer): WireMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: WireMessage[] = [];
    for (let message = this.#take(); message; message = this.#take()) messages.push(message);
    return messages;
  }

  #take(): WireMessage | null {
    const typeBytes = this.#isUntyped ? 0 : 1;
    if (this.#rest.length < typeBytes + LENGTH_BYTES) return null;
    const end = typeBytes + this.#rest.readInt32BE(typeBytes);
    if (this.#rest.length < end) return null;
    const bytes = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    this.#isUntyped = false;
    return { type: typeBytes === 0 ? '' : String.fromCharCode(bytes[0]!), bytes };
  }
}

/** The prepared statement that a Bind runs: after the portal's name, both ended by a zero byte. */
export function boundStatement(bind: Buffer): string {
  const statementAt = bind.indexOf(0, 5) + 1;
  return bind.toString('utf8', statementAt, bind.indexOf(0, statementAt));
}

/** The first column of a DataRow in text format, or null. */
export function firstColumn(dataRow: Buffer): string | null {
  const FIRST_LENGTH_AT = 7;
  const length = dataRow.readInt32BE(FIRST_LENGTH_AT);
  return length < 0 ? null : dataRow.toString('utf8', FIRST_LENGTH_AT + 4, FIRST_LENGTH_AT + 4 + length);
}
