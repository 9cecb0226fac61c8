import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/index.ts';
import { UsageError } from './usage.ts';

/** Talks to a running Bellhop: URL and key from options, else from the settings and the data folder. */
export class ApiClient {
  readonly #url: string;
  readonly #key: string;

  constructor(options: { url?: string; key?: string }) {
    const config = loadConfig();
    this.#url =
      options.url ?? `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${config.port}`;
    this.#key =
      options.key ?? process.env.BELLHOP_KEY ?? config.bootstrapKey ?? storedTestKey(config.dataDir);
  }

  async call(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      body: body && JSON.stringify(body),
    }).catch((error: Error) => {
      throw new Error(
        `No Bellhop answers at ${this.#url} (${(error.cause as Error)?.message ?? error.message}). Start one with \`npm start\`, or name it with --url.`,
      );
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
}

function storedTestKey(dataDir: string): string {
  const file = join(dataDir, 'credentials.json');
  if (!existsSync(file))
    throw new UsageError(`There is no ${file} to take a test key from; give one with --key`);
  return JSON.parse(readFileSync(file, 'utf8')).testKey;
}
