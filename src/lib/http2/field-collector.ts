import { FIELD_OVERHEAD } from './static-table.ts';

/** What we tell the peer (SETTINGS_MAX_HEADER_LIST_SIZE) and hold it to. */
export const MAX_HEADER_LIST_BYTES = 65_536;

/** Gathers the fields of one header block. Used again for each: nothing is made but what is handed on. */
export class FieldCollector {
  /** 0 when there is none. */
  status = 0;
  headers: Record<string, string> = {};
  /** Why this is no head of an answer (RFC 9113, 8.1.1 and 8.3.2). */
  fault: string | null = null;
  #size = 0;

  begin(): void {
    this.status = 0;
    this.headers = {};
    this.fault = null;
    this.#size = 0;
  }

  readonly add = (name: string, value: string): void => {
    this.#size += name.length + value.length + FIELD_OVERHEAD;
    if (this.#size > MAX_HEADER_LIST_BYTES) {
      this.fault = 'its headers are too large';
      return;
    }
    if (name.charCodeAt(0) === COLON) {
      this.#addPseudo(name, value);
      return;
    }
    const { headers } = this;
    const before = headers[name];
    if (before !== undefined && Object.hasOwn(headers, name)) headers[name] = `${before}, ${value}`;
    else if (name === '__proto__') this.fault = 'a header with a name that no header has';
    else headers[name] = value;
  };

  #addPseudo(name: string, value: string): void {
    if (name !== ':status' || this.status !== 0 || !/^[1-5]\d\d$/.test(value))
      this.fault = 'its status is none';
    else this.status = Number(value);
  }
}

const COLON = 0x3a;
