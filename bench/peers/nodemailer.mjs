import { randomBytes, randomUUID } from 'node:crypto';
import nodemailer from 'nodemailer';
import { drive, IN_FLIGHT } from '../drive.ts';
import { task } from '../task.ts';

/** https://nodemailer.com/smtp/pooled: the pool, with as many connections as Bellhop opens to one server. */
task(({ message, port, ...plan }) => {
  const mailer = nodemailer.createTransport({
    pool: true,
    host: '127.0.0.1',
    port,
    secure: false,
    ignoreTLS: true,
    maxConnections: 5,
    maxMessages: Number.POSITIVE_INFINITY,
  });
  const addresses = Array.from({ length: 1_000 }, () => `${randomBytes(6).toString('hex')}@example.com`);
  let n = 0;
  return drive(plan, IN_FLIGHT.SMTP, async () => {
    await mailer.sendMail({
      messageId: `<${randomUUID()}@example.com>`,
      from: 'Bellhop <bellhop@example.com>',
      to: addresses[n++ % addresses.length],
      ...message.email,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return 1;
  });
});
