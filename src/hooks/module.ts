import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HookEvent } from './event.ts';
import { ON_FAILURE, type OnFailure } from './hook.ts';

const DEFAULT_TIMEOUT_MS = 300;
export const LONGEST_TIMEOUT_MS = 2_000;

/** The operator's own hook, called for all tenants: what the file named by BELLHOP_HOOKS_MODULE exports. */
export interface HooksModule {
  /** Answers what an HTTP hook answers; nothing means "send". */
  preSend?(event: HookEvent): unknown;
  postSend?(event: HookEvent): unknown;
  timeoutMs: number;
  onFailure: OnFailure;
}

/** The file is missing, does not load, or does not export what it should. */
export class HooksModuleError extends Error {
  override name = 'HooksModuleError';
}

/** Loads it at the start; a mistake ends the start. */
export async function loadHooksModule(path: string): Promise<HooksModule> {
  const url = pathToFileURL(isAbsolute(path) ? path : resolve(path)).href;
  const exported: Record<string, unknown> = await import(url).catch((cause: Error) => {
    throw new HooksModuleError(`BELLHOP_HOOKS_MODULE: ${path} can not be loaded: ${cause.message}`, {
      cause,
    });
  });
  const { preSend, postSend, timeoutMs = DEFAULT_TIMEOUT_MS, onFailure = 'open' } = exported;
  const problem = checkShape({ preSend, postSend, timeoutMs, onFailure });
  if (problem) throw new HooksModuleError(`BELLHOP_HOOKS_MODULE: ${path} ${problem}`);
  return { preSend, postSend, timeoutMs, onFailure } as HooksModule;
}

function checkShape({ preSend, postSend, timeoutMs, onFailure }: Record<string, unknown>): string | null {
  if (preSend === undefined && postSend === undefined) return 'exports neither preSend nor postSend';
  for (const [name, value] of Object.entries({ preSend, postSend })) {
    if (value !== undefined && typeof value !== 'function') return `exports a ${name} that is no function`;
  }
  const isTime =
    Number.isInteger(timeoutMs) && Number(timeoutMs) >= 1 && Number(timeoutMs) <= LONGEST_TIMEOUT_MS;
  if (!isTime) return `exports a timeoutMs that is no whole number from 1 to ${LONGEST_TIMEOUT_MS}`;
  if (!ON_FAILURE.includes(onFailure as OnFailure))
    return 'exports an onFailure that is neither open nor closed';
  return null;
}
