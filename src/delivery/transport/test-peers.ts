import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createEgressGuard } from '../../lib/egress.ts';
import type { HttpRequest } from '../../providers/index.ts';
import type { SendOptions, Sent } from './transport.ts';

/** What the tests of the transports have in common: peers on loopback, and what to send them. */
export const loopbackGuard = createEgressGuard({ allow: ['127.0.0.1/32'] });

export const sendOptions = (changes: Partial<SendOptions> = {}): SendOptions => ({
  connectionKey: 'tenant/connection/1',
  connectTimeoutMs: 2_000,
  deadlineMs: 10_000,
  maxInFlight: 100,
  ...changes,
});

export const post = (url: string, changes: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'POST',
  url,
  headers: {},
  body: 'hello',
  ...changes,
});

/** `kind reason` of a fault, `reply status` of a reply. */
export function summary(sent: Sent<{ status: number }>): string {
  if (sent.kind === 'reply') return `reply ${sent.reply.status}`;
  const { outcome } = sent;
  return 'reason' in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind;
}

export interface Peer {
  port: number;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /** Breaks all connections off, and takes new ones. */
  breakAll(): void;
  /** Takes nothing new and breaks all connections off. */
  kill(): Promise<void>;
}

/** Starts any server of Node's on a free port (or the given one); it dies with the test. */
export async function listen(t: TestContext, server: Server, port = 0): Promise<Peer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const kill = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      breakAll();
    });
  t.after(kill);
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    breakAll,
    kill,
  };
}

export const listenRaw = (t: TestContext, onSocket: (socket: Socket) => void): Promise<Peer> =>
  listen(t, createServer(onSocket));

/** A port on which nothing listens. */
export async function deadPort(t: TestContext): Promise<number> {
  const peer = await listenRaw(t, () => {});
  await peer.kill();
  return peer.port;
}

/** A key and a certificate for 127.0.0.1 that nobody trusts; null where the openssl command is missing. */
export function selfSigned(): { key: string; cert: string } | null {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  try {
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves when `condition` holds, which is looked at whenever `check` is called. */
export function milestone(condition: () => boolean): { reached: Promise<void>; check(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = () => {
    if (condition()) resolve();
  };
  return { reached: promise, check };
}
