import { setTimeout as wait } from 'node:timers/promises';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { STATEMENTS } from './moments.ts';
import { type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts';

/** One place in the fleet: a process that is started again after each kill, behind a proxy of its own. */
export interface Post {
  name: string;
  roles: string;
  proxy: PostgresProxy;
  /** Null between a kill and the end of the next start. */
  bellhop: RunningBellhop | null;
  /** Of the process at this post, so that its successor is told from it. */
  incarnation: string;
}

/** A kill, and the deliveries the process had claimed in its life. */
export interface Kill {
  incarnation: string;
  /** performance.now() */
  at: number;
  claimed: string[];
}

/** Bellhop processes over one database, any of which may be killed at any moment. */
export class Fleet {
  readonly posts: Post[] = [];
  readonly kills: Kill[] = [];
  /** Milliseconds that each start took, until it was ready: tells how busy the machine was. */
  readonly starts: number[] = [];
  /** Who claimed a delivery last. */
  readonly #claimants = new Map<string, string>();
  readonly #claimed = new Map<string, string[]>();
  readonly #env: Record<string, string>;
  readonly #dataDir: string;
  readonly #starting = new Set<Promise<void>>();
  /** Of the first start that failed for good. */
  #failure: Error | null = null;
  #incarnations = 0;
  #isEnding = false;

  constructor(env: Record<string, string>, dataDir: string) {
    this.#env = env;
    this.#dataDir = dataDir;
  }

  async add(databaseUrl: string, roles = 'all'): Promise<Post> {
    const proxy = await startPostgresProxy(databaseUrl);
    const name = `${roles}-${this.posts.length + 1}`;
    const post: Post = { name, roles, proxy, bellhop: null, incarnation: '' };
    proxy.onRow = ({ statement, first, owner }) => {
      if (statement === STATEMENTS.claim) this.#noteClaim(first, owner);
    };
    this.posts.push(post);
    await this.start(post);
    return post;
  }

  ownerOf(deliveryId: string): string | null {
    return this.#claimants.get(deliveryId) ?? null;
  }

  postOf(deliveryId: string): Post | undefined {
    const incarnation = this.ownerOf(deliveryId);
    return this.posts.find((post) => post.bellhop && post.incarnation === incarnation);
  }

  /** Those that serve the API now. */
  get doors(): Post[] {
    return this.posts.filter((post) => post.bellhop?.url);
  }

  /** Takes the process out of the world at once and, unless told otherwise, starts the next one behind. */
  kill(post: Post, { restart = true } = {}): Kill {
    const { bellhop, incarnation } = post;
    if (!bellhop) throw new Error(`${post.name} is dead already`);
    process.kill(bellhop.pid, 'SIGKILL');
    // Claims that PostgreSQL had not answered yet are still to be added to the list.
    const kill = { incarnation, at: performance.now(), claimed: this.#claimedBy(incarnation) };
    this.kills.push(kill);
    post.bellhop = null;
    post.proxy.clear();
    if (restart) {
      const starting = bellhop
        .end('SIGKILL')
        .then(() => this.start(post))
        .catch((error: Error) => {
          this.#failure ??= error;
        })
        .finally(() => this.#starting.delete(starting));
      this.#starting.add(starting);
    }
    return kill;
  }

  /** A start may fail while the database is away: an operator's supervisor would try again, and so does this. */
  async start(post: Post): Promise<void> {
    const MOST_TRIES = 30;
    for (let tries = 1; !this.#isEnding; tries++) {
      post.incarnation = `${post.name}#${++this.#incarnations}`;
      post.proxy.owner = post.incarnation;
      try {
        post.bellhop = await startBellhop(
          { ...this.#env, DATABASE_URL: post.proxy.url, BELLHOP_ROLES: post.roles },
          { dataDir: this.#dataDir },
        );
        this.starts.push(post.bellhop.startMs);
        return;
      } catch (error) {
        if (tries >= MOST_TRIES) throw error;
        await wait(500);
      }
    }
  }

  /** Resolves when every post has a process again; rejects when one could not be started. */
  async whole(): Promise<void> {
    await Promise.all(this.#starting);
    if (this.#failure) throw this.#failure;
  }

  /** Resolves with those of the posts that are alive, when there are as many. */
  async atLeast(count: number, isOne: (post: Post) => boolean = () => true): Promise<Post[]> {
    for (;;) {
      const alive = this.posts.filter((post) => post.bellhop && isOne(post));
      if (alive.length >= count) return alive;
      if (this.#failure) throw this.#failure;
      await wait(20);
    }
  }

  /** Any live process, to be asked something. */
  call(method: string, path: string, body?: object) {
    return this.doors[0]!.bellhop!.call(method, path, body, { authorization: `Bearer ${LIVE_KEY}` });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.allSettled(this.#starting);
    await Promise.all(this.posts.map((post) => post.bellhop?.end('SIGKILL')));
    await Promise.all(this.posts.map((post) => post.proxy.close()));
  }

  #noteClaim(deliveryId: string, incarnation: string): void {
    this.#claimants.set(deliveryId, incarnation);
    this.#claimedBy(incarnation).push(deliveryId);
  }

  #claimedBy(incarnation: string): string[] {
    const list = this.#claimed.get(incarnation) ?? [];
    this.#claimed.set(incarnation, list);
    return list;
  }
}
