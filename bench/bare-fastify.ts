import Fastify from 'fastify';
import { NotificationBody } from '../src/accept/request.ts';

/** The limit for P1: a Fastify that validates the same body and answers 202, and does nothing else. */
const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } });
app.post('/v1/notifications', { schema: { body: NotificationBody } }, (_request, reply) => {
  reply.code(202).send({ id: '01900000-0000-7000-8000-000000000000', status: 'accepted' });
});
await app.listen({ port: 0, host: '127.0.0.1' });
process.send!({ port: (app.server.address() as { port: number }).port });
process.on('disconnect', () => process.exit(0));
