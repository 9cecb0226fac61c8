import type { Topic } from '../queue/index.ts';

const PREFIX = 'inbox.';

/**
 * What is signalled when the inbox of a user changed: one of 256 topics, so that processes look at a few of the inboxes
 * that they watch, and one notification between processes names them all (it may have 8,000 bytes).
 */
export function inboxTopic(userId: string): Topic {
  return PREFIX + bucketOf(userId);
}

/** The end of a UUIDv7 is random. */
export function bucketOf(userId: string): string {
  return userId.slice(-2);
}

/** Null for a topic of something else. */
export function bucketOfTopic(topic: Topic): string | null {
  return topic.startsWith(PREFIX) ? topic.slice(PREFIX.length) : null;
}
