import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { boundStatement, firstColumn, WireReader } from './postgres-wire.ts';

/** A moment in the talk between a process and PostgreSQL at which something is to happen to the process. */
export interface Trap {
  statement: string;
  /** `asked`: the request is not passed on. `answered`: PostgreSQL has done it, the process has not heard of it. */
  when: 'asked' | 'answered';
  /** Answers without a row do not spring the trap. */
  needsRow: boolean;
  /** Called at the moment, with the first column of each row. What was held is passed on when it resolves to true. */
  spring(rows: string[]): boolean | Promise<boolean>;
}

export interface PostgresProxy {
  /** The database's URL through this proxy. */
  url: string;
  /** How often each named statement was asked for. */
  seen: Map<string, number>;
  /** Told the first column of every row that a named statement brought, and who had asked. */
  onRow: (row: { statement: string; first: string; owner: string }) => void;
  /** The process behind the connections that are made from now on. */
  owner: string;
  /** Springs once, at the next time its moment comes. */
  set(trap: Trap): void;
  clear(): void;
  /** Ends all connections, as a net that fails does. */
  cut(): void;
  close(): Promise<void>;
}

/** Stands between one process and PostgreSQL, understands enough of the talk to know which statement is under way. */
export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const upstream = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const state: ProxyState = { trap: null, seen: new Map(), onRow: () => {}, owner: '' };
  const server: Server = createServer((client) => {
    const database = connect(Number(upstream.port), upstream.hostname);
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    database.on('close', () => client.destroy());
    // PostgreSQL finishes the statement that is under way, and what a dead process claimed by it belongs in the books.
    client.on('close', () => database.end());
    new Relay(client, database, state).start();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as { port: number }).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    seen: state.seen,
    set onRow(listener: PostgresProxy['onRow']) {
      state.onRow = listener;
    },
    set owner(name: string) {
      state.owner = name;
    },
    set: (trap) => {
      state.trap = trap;
    },
    clear: () => {
      state.trap = null;
    },
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

interface ProxyState {
  trap: Trap | null;
  seen: Map<string, number>;
  onRow: PostgresProxy['onRow'];
  owner: string;
}

/** One connection. node-postgres waits for ReadyForQuery before it asks again, so one statement is under way at most. */
class Relay {
  readonly #client: Socket;
  readonly #database: Socket;
  readonly #state: ProxyState;
  readonly #owner: string;
  #statement: string | null = null;
  #rows: string[] = [];
  /** Answers kept back while a trap waits for ReadyForQuery; null when none does. */
  #held: Buffer[] | null = null;

  constructor(client: Socket, database: Socket, state: ProxyState) {
    this.#client = client;
    this.#database = database;
    this.#state = state;
    this.#owner = state.owner;
  }

  start(): void {
    const fromClient = new WireReader('client');
    this.#client.on('data', (chunk: Buffer) => {
      for (const { type, bytes } of fromClient.push(chunk)) {
        if (type === 'B' && this.#ask(boundStatement(bytes))) return;
        this.#database.write(bytes);
      }
    });
    const fromDatabase = new WireReader('server');
    this.#database.on('data', (chunk: Buffer) => {
      for (const { type, bytes } of fromDatabase.push(chunk)) this.#answer(type, bytes);
    });
  }

  /** True when the trap sprang and nothing more is passed on. */
  #ask(statement: string): boolean {
    const { trap, seen } = this.#state;
    this.#statement = statement;
    this.#rows = [];
    seen.set(statement, (seen.get(statement) ?? 0) + 1);
    if (trap?.statement !== statement) return false;
    if (trap.when === 'answered') {
      this.#held = [];
      return false;
    }
    this.#state.trap = null;
    void trap.spring([]);
    this.#end();
    return true;
  }

  #answer(type: string, bytes: Buffer): void {
    if (type === 'D' && this.#statement) {
      const first = firstColumn(bytes);
      if (first !== null) {
        this.#rows.push(first);
        this.#state.onRow({ statement: this.#statement, first, owner: this.#owner });
      }
    }
    if (!this.#held) {
      this.#client.write(bytes);
      if (type === 'Z') this.#statement = null;
      return;
    }
    this.#held.push(bytes);
    if (type === 'Z') void this.#release(this.#held);
  }

  async #release(held: Buffer[]): Promise<void> {
    const { trap } = this.#state;
    const sprung = trap?.statement === this.#statement && !(trap?.needsRow && this.#rows.length === 0);
    this.#held = null;
    this.#statement = null;
    if (sprung) this.#state.trap = null;
    if (!sprung || (await trap!.spring(this.#rows))) this.#client.write(Buffer.concat(held));
    else this.#end();
  }

  #end(): void {
    this.#client.destroy();
    this.#database.destroy();
  }
}
