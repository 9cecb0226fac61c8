import { pino } from 'pino';

/** Structured logging. Pass facts as fields; texts never carry values. `Secret` and `Pii` print as `[redacted]`. */
export interface Logger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  child(fields: object): Logger;
  /** Whether a line of this level is written at all: asked before a busy place gathers the fields of one. */
  isEnabled(level: 'debug' | 'info' | 'warn'): boolean;
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

// S12: a field that is not named here is dropped, so nobody logs a body, an address or a credential by accident.
const ALLOWED_FIELDS = new Set(
  (
    'room worker role hook webhook flag lane channel platform provider connection tenant notification delivery device attempt ' +
    'outcome reason code status latencyMs count ids ms port host url path method requestId keyId version ' +
    'dataDir database setting rule migration backlog error trace user batch state signal pid example'
  ).split(' '),
);

export function createLogger(
  level: LogLevel,
  destination: { write(line: string): void } = process.stdout,
): Logger {
  return wrap(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination));
}

export const silentLogger: Logger = createLogger('silent');

function wrap(target: import('pino').Logger): Logger {
  return {
    debug: (fields, text) => target.isLevelEnabled('debug') && target.debug(allowed(fields), text),
    info: (fields, text) => target.isLevelEnabled('info') && target.info(allowed(fields), text),
    warn: (fields, text) => target.warn(allowed(fields), text),
    error: (fields, text) => target.error(allowed(fields), text),
    child: (fields) => wrap(target.child(allowed(fields))),
    isEnabled: (level) => target.isLevelEnabled(level),
  };
}

function allowed(fields: object): object {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!ALLOWED_FIELDS.has(name)) continue;
    kept[name] = name === 'error' ? describeError(value) : value;
  }
  return kept;
}

/** Name, code and message of an error and its causes; no other property, since drivers attach parameters there. */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  const cause = error.cause && depth < 3 ? describeError(error.cause, depth + 1) : undefined;
  return { name, ...(code === undefined ? {} : { code }), message, ...(depth === 0 ? { stack } : {}), cause };
}
