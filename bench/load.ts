import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** A small HTTP/1.1 load generator: fixed requests over keep-alive sockets, one under way on each. Run as a child process. */
export interface LoadPlan {
  host: string;
  port: number;
  /** The requests, taken in turn: head without content-length, and the body. */
  path: string;
  headers: Record<string, string>;
  /** `{n}` in it is replaced by a running number, and `{m}` by that number modulo `modulus`. */
  body: string;
  modulus?: number;
  connections: number;
  /** Requests per second offered, or 0 for as many as can be (each connection sends when it was answered). */
  rate: number;
  seconds: number;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Milliseconds from when a request was due to its answer. */
  p50: number;
  p99: number;
  max: number;
}

/** `textOf` writes whole requests, for those of which each needs a path or a signature of its own. */
export async function generateLoad(plan: LoadPlan, textOf?: (n: number) => string): Promise<LoadResult> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const started = performance.now();
  const end = started + plan.seconds * 1000;
  let sent = 0;
  const nextDue = () => (plan.rate === 0 ? 0 : started + (sent / plan.rate) * 1000);
  const lanes = Array.from({ length: plan.connections }, () => new Lane(plan, textOf));
  await Promise.all(lanes.map((lane) => lane.open()));
  const idle: Lane[] = [...lanes];
  await new Promise<void>((resolve) => {
    let under = 0;
    const pump = () => {
      const now = performance.now();
      while (idle.length > 0 && now < end && nextDue() <= now) {
        const lane = idle.shift()!;
        const due = plan.rate === 0 ? now : nextDue();
        const n = sent++;
        under++;
        lane.request(n, (status) => {
          under--;
          statuses[status] = (statuses[status] ?? 0) + 1;
          latencies.push(performance.now() - due);
          idle.push(lane);
          if (plan.rate === 0) pump();
        });
      }
      if (now >= end && under === 0) {
        clearInterval(timer);
        resolve();
      }
    };
    const timer = setInterval(pump, 1);
    pump();
  });
  const took = (performance.now() - started) / 1000;
  for (const lane of lanes) lane.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    requests: latencies.length,
    perSecond: latencies.length / took,
    statuses,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  };
}

/** One keep-alive connection. Answers are read by their content-length, which our server always sends. */
class Lane {
  readonly #plan: LoadPlan;
  readonly #textOf: (n: number) => string;
  #socket: Socket | null = null;
  #buffer = '';
  #answered: ((status: string) => void) | null = null;

  constructor(plan: LoadPlan, textOf?: (n: number) => string) {
    this.#plan = plan;
    this.#textOf = textOf ?? this.#writeRequests();
  }

  #writeRequests(): (n: number) => string {
    const plan = this.#plan;
    const headers = {
      host: `${plan.host}:${plan.port}`,
      'content-type': 'application/json',
      ...plan.headers,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${plan.path} HTTP/1.1\r\n${lines.join('')}content-length: `;
    const { modulus = 1 } = plan;
    return (n) => {
      const body = plan.body.replaceAll('{n}', String(n)).replaceAll('{m}', String(n % modulus));
      return `${head}${Buffer.byteLength(body)}\r\n\r\n${body}`;
    };
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#plan.port, this.#plan.host, resolve);
      socket.setNoDelay(true);
      socket.setEncoding('latin1');
      socket.on('error', reject);
      socket.on('data', (chunk: string) => this.#read(chunk));
      socket.on('close', () => this.#end('closed'));
      this.#socket = socket;
    });
  }

  request(n: number, answered: (status: string) => void): void {
    this.#answered = answered;
    const text = this.#textOf(n);
    if (this.#socket) this.#socket.write(text);
    else
      this.open().then(
        () => this.#socket?.write(text),
        () => this.#end('refused'),
      );
  }

  close(): void {
    this.#socket?.destroy();
  }

  #read(chunk: string): void {
    this.#buffer += chunk;
    const headEnd = this.#buffer.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#buffer)?.[1] ?? 0);
    if (this.#buffer.length < headEnd + 4 + length) return;
    const status = this.#buffer.slice(9, 12);
    this.#buffer = this.#buffer.slice(headEnd + 4 + length);
    this.#answer(status);
  }

  /** The server ended it: the next request opens it again. */
  #end(how: string): void {
    this.#socket = null;
    this.#buffer = '';
    this.#answer(how);
  }

  /** Nobody asked for what comes when a connection idled for too long (408). */
  #answer(status: string): void {
    const answered = this.#answered;
    this.#answered = null;
    answered?.(status);
  }
}

if (import.meta.main && process.send) {
  process.once('message', async (plan: LoadPlan) => {
    process.send!(await generateLoad(plan));
    process.disconnect?.();
  });
}
