import { Type } from 'typebox';
import { invalidField } from '../http/index.ts';

const SEGMENT = '[a-z0-9_-]{1,64}';
const MAX_DEPTH = 8;
const TOPIC_PATTERN = `^${SEGMENT}(/${SEGMENT}){0,${MAX_DEPTH - 1}}$`;
const TOPIC = new RegExp(TOPIC_PATTERN);

/** A path like `sport/football/berlin`; in an address the slashes are written `%2F`. */
export const TopicPath = Type.String({
  maxLength: 519,
  pattern: TOPIC_PATTERN,
  description:
    'A path of up to eight names (a-z, 0-9, - and _), like `sport/football`; in an address, `/` is `%2F`',
});

export function isTopic(text: string): boolean {
  return TOPIC.test(text);
}

/** The topic as it is; a problem of `field` when it is none. */
export function parseTopic(text: unknown, field: string): string {
  if (typeof text !== 'string' || !isTopic(text)) {
    throw invalidField(field, 'must be a path of up to eight names (a-z, 0-9, - and _), like sport/football');
  }
  return text;
}

/**
 * What lies below a topic, as a range of texts in the order of code points: from the first, up to and without the
 * second. The topic itself is not among them. `0` is the character behind `/`.
 */
export function below(topic: string): [from: string, to: string] {
  return [`${topic}/`, `${topic}0`];
}
