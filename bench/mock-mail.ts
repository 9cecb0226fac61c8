import { createServer, type Socket } from 'node:net';

/** A mail server (RFC 5321) that takes everything, keeps nothing, and does no more than it must. Run as a child process. */
const END_OF_MAIL = Buffer.from('\r\n.\r\n');

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  let isMail = false;
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.write('220 mail.example.com\r\n');
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const mark: string | Buffer = isMail ? END_OF_MAIL : '\r\n';
      const end = rest.indexOf(mark);
      if (end < 0) return;
      const line = isMail ? '.' : rest.toString('latin1', 0, end);
      rest = rest.subarray(end + mark.length);
      isMail = !isMail && /^data$/i.test(line);
      socket.write(answerTo(line));
    }
  });
}

function answerTo(line: string): string {
  switch (line.slice(0, 4).toUpperCase()) {
    case '.':
      return '250 2.0.0 Ok: queued as 4Xw1\r\n';
    case 'DATA':
      return '354 go on\r\n';
    case 'EHLO':
      return '250-mail.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n';
    case 'QUIT':
      return '221 bye\r\n';
    default:
      return '250 2.1.0 Ok\r\n';
  }
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as { port: number }).port }));
process.on('disconnect', () => process.exit(0));
