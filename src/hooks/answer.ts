import { Ajv } from 'ajv';
import { type Static, Type } from 'typebox';
import { Exact, OneOf } from '../http/index.ts';
import { unstorable } from '../lib/text.ts';
import type { Channel, Content } from '../providers/index.ts';
import { checkInline, InlineMessage, renderInline } from '../templates/index.ts';

export const LONGEST_DEFER_MS = 24 * 60 * 60 * 1_000;
const DEFAULT_DEFER_MS = 60_000;

const Override = Exact({
  title: Type.Optional(Type.String({ minLength: 1 })),
  body: Type.Optional(Type.String({ minLength: 1 })),
  subject: Type.Optional(Type.String({ minLength: 1 })),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
type Override = Static<typeof Override>;

const Answer = Exact({
  verdict: OneOf(['send', 'drop', 'defer']),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
  deferMs: Type.Optional(Type.Integer({ minimum: 1, maximum: LONGEST_DEFER_MS })),
  content: Type.Optional(Override),
});

/** What a hook decided about a message. */
export type Verdict =
  /** `replaced` names the fields of the content that the hook wrote. */
  | { kind: 'send'; content: Content; replaced: string[] }
  | { kind: 'drop'; reason: string | null }
  | { kind: 'defer'; afterMs: number; reason: string | null };

const ajv = new Ajv({ strict: false });
const isAnswer = ajv.compile<Static<typeof Answer>>(Answer);
const isInline = ajv.compile(InlineMessage);

/** Reads an answer strictly: what is not understood is a failure of the hook, never a silent "send". Pure. */
export function parseAnswer(
  answer: unknown,
  sent: { channel: Channel; content: Content },
): { verdict: Verdict } | { problem: string } {
  if (!isAnswer(answer)) return { problem: `the answer${describe(isAnswer.errors)}` };
  const refused = unstorable(answer);
  if (refused) return { problem: `the answer's ${refused.path} ${refused.why}` };
  const { reason = null, deferMs = DEFAULT_DEFER_MS, content = {} } = answer;
  switch (answer.verdict) {
    case 'drop':
      return { verdict: { kind: 'drop', reason } };
    case 'defer':
      return { verdict: { kind: 'defer', afterMs: deferMs, reason } };
    case 'send': {
      const replaced = Object.keys(content);
      if (replaced.length === 0) return { verdict: { kind: 'send', content: sent.content, replaced } };
      const problem = checkOverride(content, sent.channel);
      if (problem) return { problem };
      return { verdict: { kind: 'send', content: override(content, sent), replaced } };
    }
  }
}

/** The rules of a message written into a request (`message` of `POST /v1/notifications`) hold here too. */
function checkOverride({ title, body, subject, data }: Override, channel: Channel): string | null {
  const candidate = JSON.parse(
    JSON.stringify({
      ...{ title, body, data },
      email: subject === undefined ? undefined : { subject },
      sms: channel === 'sms' && body !== undefined ? { body } : undefined,
    }),
  );
  if (!isInline(candidate)) return `the answer's content${describe(isInline.errors)}`;
  return checkInline(candidate as InlineMessage, []);
}

/** An e-mail's body is laid out as that of an inline message is; its title is its subject. */
function override(wanted: Override, { channel, content }: { channel: Channel; content: Content }): Content {
  const { title, body, subject = title, data } = wanted;
  if (channel !== 'email') {
    const fields = { title, body, data };
    return {
      ...content,
      ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    };
  }
  const written = renderInline({ title: subject ?? content.subject, body: body ?? '' }, 'email');
  return body === undefined ? { ...content, subject: written.subject } : { ...content, ...written };
}

function describe(errors: typeof isAnswer.errors): string {
  const [error] = errors ?? [];
  return error ? ` is not valid: ${error.instancePath} ${error.message}` : ' is not valid';
}
