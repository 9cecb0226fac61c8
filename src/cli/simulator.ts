import { parseArgs } from 'node:util';
import { ReferenceClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { listProviders } from '../providers/index.ts';
import { createSimulator } from '../simulator/index.ts';
import { UsageError } from './usage.ts';

/** `bellhop simulator`: all providers on one port, for programs that want to test against them. */
export async function simulator(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '4010' },
      'smtp-port': { type: 'string', default: '4011' },
      host: { type: 'string', default: '127.0.0.1' },
    },
  });
  const { host } = values;
  const running = createSimulator({
    providers: listProviders(),
    clock: new ReferenceClock(),
    logger: createLogger('warn'),
    host,
  });
  const { origin, smtpOrigin } = await running.listen({
    port: parsePort('--port', values.port),
    smtpPort: parsePort('--smtp-port', values['smtp-port']),
  });
  console.log(
    `The simulator listens at ${origin} (a provider's base URL is ${origin}/<provider>, e.g. ${origin}/apns) and ${smtpOrigin}.`,
  );
  console.log(`What arrives is shown at ${origin}/simulator`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  running.close();
  return 0;
}

export function parsePort(name: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new UsageError(`${name} must be a port number from 0 to 65535, not "${text}"`);
  return port;
}
