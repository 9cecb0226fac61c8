import type { Secret } from '../lib/secret.ts';
import {
  type HttpProvider,
  type Message,
  type Outcome,
  type Token,
  unavailable,
} from '../providers/index.ts';
import type { Route } from './route.ts';

export type TokenAnswer = { value: Secret } | { outcome: Outcome };
/** Sends the request that fetches a token. */
export type FetchToken = (
  provider: HttpProvider,
  route: Route,
  now: number,
) => Promise<{ token: Token } | { outcome: Outcome }>;

const MAX_TOKENS = 10_000;

/**
 * Tokens of providers, by connection, version and audience. One caller fetches, the others wait for the same answer.
 * A token that the vendor refused is dropped only if it is still the one that was used.
 */
export class TokenCache {
  readonly #fetch: FetchToken;
  readonly #tokens = new Map<string, Token>();
  readonly #fetching = new Map<string, Promise<{ token: Token } | { outcome: Outcome }>>();

  constructor(fetch: FetchToken) {
    this.#fetch = fetch;
  }

  async get(provider: HttpProvider, route: Route, message: Message, now: number): Promise<TokenAnswer> {
    const source = provider.token!;
    const audience = 'sign' in source ? (source.audience?.(message) ?? '') : '';
    const name = `${route.key} ${audience}`;
    const cached = this.#tokens.get(name);
    if (cached && cached.expiresAt > now) return { value: cached.value };
    const answer =
      'sign' in source
        ? signToken(() => source.sign(route.config, { now, audience }))
        : await this.#fetchOnce(name, provider, route, now);
    if ('outcome' in answer) return answer;
    this.#save(name, answer.token);
    return { value: answer.token.value };
  }

  /** Forgets a refused token. */
  drop(route: Route, used: Secret): void {
    for (const [name, token] of this.#tokens) {
      if (token.value === used && name.startsWith(`${route.key} `)) this.#tokens.delete(name);
    }
  }

  #fetchOnce(name: string, provider: HttpProvider, route: Route, now: number) {
    const running = this.#fetching.get(name);
    if (running) return running;
    const fetching = this.#fetch(provider, route, now).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, fetching);
    return fetching;
  }

  #save(name: string, token: Token): void {
    if (this.#tokens.size >= MAX_TOKENS) this.#tokens.delete(this.#tokens.keys().next().value!);
    this.#tokens.set(name, token);
  }
}

/** A key that nobody can read is the connection's fault, not the message's. */
function signToken(sign: () => Token): { token: Token } | { outcome: Outcome } {
  try {
    return { token: sign() };
  } catch {
    return { outcome: unavailable('credentials_invalid', { code: 'key_unreadable' }) };
  }
}
