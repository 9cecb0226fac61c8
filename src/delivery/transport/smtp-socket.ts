import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Target } from '../../lib/egress.ts';
import { codedError } from './fault.ts';

/**
 * Connects to a mail server by way of the guard's look-up, so that the address that was checked is the one that is
 * connected to, each time anew: nodemailer's own look-up would keep an address and know no guard. TLS comes later.
 */
export function openSocket(
  { target, lookup, timeoutMs }: { target: Target; lookup: LookupFunction | undefined; timeoutMs: number },
  callback: (error: Error | null, options?: { connection: Socket }) => void,
): void {
  const { host, port } = target;
  const socket = connect({ host, port, noDelay: true, ...(lookup ? { lookup } : {}) });
  const timer = setTimeout(
    () => socket.destroy(codedError('ETIMEDOUT', 'connecting took too long')),
    timeoutMs,
  );
  const fail = (error: Error & { code?: string; syscall?: string }) => {
    clearTimeout(timer);
    callback(Object.assign(error, { code: mailerCode(error) }));
  };
  socket.once('error', fail);
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.off('error', fail);
    callback(null, { connection: socket });
  });
}

/** The codes that nodemailer itself has for these: https://nodemailer.com/errors. */
function mailerCode({ code, syscall }: { code?: string; syscall?: string }): string {
  if (code === 'EGRESS_REFUSED' || code === 'ETIMEDOUT') return code;
  return syscall === 'getaddrinfo' ? 'EDNS' : 'ESOCKET';
}
