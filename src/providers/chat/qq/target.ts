/** Whom a message is for: a person or a group that knows the bot, or a channel of a guild. */
export interface Target {
  kind: 'user' | 'group' | 'channel';
  id: string;
}

const ADDRESS = /^(user|group|channel):([A-Za-z0-9_-]{1,64})$/;

/**
 * `user:<openid>`, `group:<openid>` or `channel:<id>`, or null for what is none of these. An openid is one bot's own.
 * https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html
 */
export function parseTarget(address: string): Target | null {
  const [, kind, id] = ADDRESS.exec(address) ?? [];
  return kind && id ? { kind: kind as Target['kind'], id } : null;
}

const PATHS = {
  user: (id: string) => `/v2/users/${id}/messages`,
  group: (id: string) => `/v2/groups/${id}/messages`,
  channel: (id: string) => `/channels/${id}/messages`,
};

export function pathOf({ kind, id }: Target): string {
  return PATHS[kind](encodeURIComponent(id));
}
