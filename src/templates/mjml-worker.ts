import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { MjmlAnswer } from './mjml.ts';

type ToHtml = (
  source: string,
  options: { validationLevel: 'strict'; ignoreIncludes: true },
) => { html: string };
interface Complaint {
  errors?: { line?: number; tagName?: string; message?: string }[];
}

// The one package of MJML without dependencies and without access to files is the one for browsers.
Object.defineProperties(globalThis, { window: { value: {} }, localStorage: { value: undefined } });
const toHtml: ToHtml = createRequire(import.meta.url)('mjml-browser');

parentPort!.on('message', (source: string) => parentPort!.postMessage(convert(source)));

function convert(source: string): MjmlAnswer {
  try {
    return { html: toHtml(source, { validationLevel: 'strict', ignoreIncludes: true }).html };
  } catch (thrown) {
    const [first] = (thrown as Complaint).errors ?? [];
    if (!first) return { problem: 'is no MJML: its elements must be closed and stand in <mjml>' };
    return { problem: `${first.message} (line ${first.line}, <${first.tagName}>)` };
  }
}
