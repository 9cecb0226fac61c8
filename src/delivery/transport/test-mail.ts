import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { MailRequest } from '../../providers/index.ts';
import { listenRaw } from './test-peers.ts';

/** What the server does at each step instead of the usual: a reply, or anything else with its socket. */
export type Script = Record<string, string | ((socket: Socket) => void)>;

const USUAL: Script = {
  CONN: '220 mail.example.com',
  EHLO: '250 mail.example.com',
  MAIL: '250 OK',
  RCPT: '250 OK',
  DATA: '354 go on',
  '.': '250 2.0.0 taken',
  RSET: '250 OK',
  QUIT: '221 bye',
};
/** A mail server that follows a script, and remembers every byte it was sent. */
export async function startMailServer(t: TestContext, script: Script = {}) {
  const server = { port: 0, accepted: () => 0, heard: '', commands: [] as string[] };
  const say = (socket: Socket, step: string) => {
    const act = script[step] ?? USUAL[step] ?? '502 what?';
    if (typeof act === 'function') act(socket);
    else socket.write(`${act.replaceAll('\n', '\r\n')}\r\n`);
    return act;
  };
  const serve = (socket: Socket) => {
    let rest = '';
    let isMail = false;
    socket.on('data', (chunk) => {
      server.heard += chunk.toString('latin1');
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (isMail && line !== '.') continue;
        const step = line.split(' ', 1)[0]!.toUpperCase();
        server.commands.push(step);
        const act = say(socket, step);
        isMail = step === 'DATA' && act === USUAL.DATA;
      }
    });
  };
  const peer = await listenRaw(t, (socket) => {
    serve(socket);
    say(socket, 'CONN');
  });
  return Object.assign(server, { port: peer.port, accepted: () => peer.accepted, serve });
}

export const mailTo = (port: number, server: Partial<MailRequest['server']> = {}): MailRequest => ({
  server: { host: '127.0.0.1', port, security: 'none', clientName: 'client.example.com', ...server },
  envelope: { from: 'from@example.com', to: 'to@example.com' },
  mail: {
    messageId: '<m1@example.com>',
    from: 'Acme <from@example.com>',
    to: 'to@example.com',
    subject: 'Hello',
    text: 'How are you?',
    headers: { 'X-One': '1' },
  },
});
