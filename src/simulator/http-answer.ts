import type { Example, HttpResponse, Outcome } from '../providers/contract.ts';
import { freshId, type Random, shapeOf } from './fresh-id.ts';

/** An example made ready to be answered ten thousand times a second. */
export interface HttpAnswer {
  kind: Outcome['kind'];
  /** The example's reply with a message id of its own. */
  render(random: Random): HttpResponse;
}

// RFC 9113, 8.2.2: what describes the connection or the encoding of the captured bytes is not the message.
const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection transfer-encoding upgrade content-length content-encoding'.split(
    ' ',
  ),
);

export function prepareAnswer({ reply, outcome }: Example<HttpResponse>): HttpAnswer {
  const headers = Object.entries(reply.headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && !name.startsWith(':'),
  );
  const response = { status: reply.status, headers: Object.fromEntries(headers), body: reply.body };
  const exampleId = outcome.kind === 'accepted' ? outcome.providerMessageId : null;
  if (!exampleId) return { kind: outcome.kind, render: () => response };

  const changing = findChanging(exampleId, reply);
  const shape = shapeOf(changing);
  const whole = wholeWord(changing);
  const bodyParts = reply.body.split(whole);
  const headerParts = headers
    .map(([name, value]) => [name, value.split(whole)] as const)
    .filter(([, parts]) => parts.length > 1);
  return {
    kind: outcome.kind,
    render(random) {
      const id = freshId(shape, random);
      const own = headerParts.map(([name, parts]) => [name, parts.join(id)] as const);
      return {
        status: response.status,
        headers: own.length > 0 ? { ...response.headers, ...Object.fromEntries(own) } : response.headers,
        body: bodyParts.join(id),
      };
    },
  };
}

/** Where a provider puts an id together (chat and message), its last part is what each message has of its own. */
function findChanging(id: string, { body, headers }: HttpResponse): string {
  const isWritten = [body, ...Object.values(headers)].some((text) => wholeWord(id).test(text));
  return isWritten ? id : id.slice(id.lastIndexOf(':') + 1);
}

function wholeWord(text: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])${RegExp.escape(text)}(?![A-Za-z0-9])`);
}
