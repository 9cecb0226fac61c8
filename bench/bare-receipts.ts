import Fastify from 'fastify';
import { Secret } from '../src/lib/secret.ts';
import twilio from '../src/providers/sms/twilio.ts';

/** The limit for receipts: a Fastify that verifies and parses the same posts, answers 204, and stores nothing. */
const [publicUrl, authToken] = process.argv.slice(2) as [string, string];
const config = { ...twilio.testConfig(), authToken: new Secret(authToken) };
const app = Fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
app.post('/v1/receipts/:tenant/:connection', (request, reply) => {
  const received = {
    method: 'POST',
    url: publicUrl + request.url,
    headers: request.headers as Record<string, string>,
    body: request.body as Buffer,
  };
  const isSigned = twilio.receipts!.verify(received, config, { now: Date.now() });
  reply.code(isSigned && twilio.receipts!.parse(received, config).length === 1 ? 204 : 401).send();
});
await app.listen({ port: 0, host: '127.0.0.1' });
process.send!({ port: (app.server.address() as { port: number }).port });
process.on('disconnect', () => process.exit(0));
