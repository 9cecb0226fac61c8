import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

/** What is told of a failure stands in front of the copy of the mail: more is not sent on. */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 30_000;
/** `sysexits.h`, by which mail servers go: EX_TEMPFAIL keeps the mail and comes again, EX_NOPERM gives it up. */
const TRY_AGAIN = 75;
const GIVE_UP = 77;

/** `bellhop bounce`: hands a mail that came back (on standard input) to a Bellhop, for the aliases of a mail server. */
export async function bounce(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { to: { type: 'string' }, 'secret-file': { type: 'string' } },
  });
  const { to, 'secret-file': secretFile } = values;
  if (!to || !URL.canParse(to)) throw new UsageError('Where to? Give the address for receipts by --to');
  if (!secretFile) throw new UsageError('Give the file that holds the bounce secret by --secret-file');
  const secret = readSecret(secretFile);
  if (secret === null) return TRY_AGAIN;
  const answer = await post(to, secret, await readInput());
  if (typeof answer === 'string') {
    console.error(`No Bellhop answers at ${to} (${answer}).`);
    return TRY_AGAIN;
  }
  if (answer >= 200 && answer < 300) return 0;
  console.error(`Bellhop at ${to} answers ${answer}.`);
  return answer >= 500 || answer === 429 ? TRY_AGAIN : GIVE_UP;
}

/** A file that can not be read now is no reason to lose a bounce. */
function readSecret(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    console.error(`The secret can not be read: ${(error as Error).message}`);
    return null;
  }
}

/** Reads to the end, so that the mail server does not write into a closed pipe. */
async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    if (bytes < MAX_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BYTES);
}

/** The status of the answer, or why there is none. */
async function post(to: string, secret: string, body: Buffer): Promise<number | string> {
  try {
    const { status } = await fetch(to, {
      method: 'POST',
      headers: { 'content-type': 'message/rfc822', authorization: `Bearer ${secret}` },
      body: new Uint8Array(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return status;
  } catch (error) {
    const { cause, message } = error as Error;
    return (cause as Error | undefined)?.message ?? message;
  }
}
