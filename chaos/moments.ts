import type { Trap } from './postgres-proxy.ts';

/** The names of the prepared statements that the moments hang on, as the rooms' store.ts files give them. */
export const STATEMENTS = {
  accept: 'accept_insert',
  claim: 'queue_claim',
  // Of plain successes, which is what the moments are about.
  results: 'delivery_successes',
} as const;

/** When a process is killed. Those of PostgreSQL are seen by its proxy, those of the provider by the peer. */
export type Moment =
  | { at: 'postgres'; trap: Pick<Trap, 'statement' | 'when' | 'needsRow'> }
  | { at: 'peer'; when: 'before-answer' | 'after-answer' };

export const MOMENTS = {
  beforeCommit: postgres(STATEMENTS.accept, 'asked', false),
  afterCommit: postgres(STATEMENTS.accept, 'answered', true),
  afterClaim: postgres(STATEMENTS.claim, 'answered', true),
  beforeAnswer: { at: 'peer', when: 'before-answer' },
  afterAnswer: { at: 'peer', when: 'after-answer' },
  beforeResult: postgres(STATEMENTS.results, 'asked', false),
  afterResult: postgres(STATEMENTS.results, 'answered', true),
} as const satisfies Record<string, Moment>;

function postgres(statement: string, when: Trap['when'], needsRow: boolean) {
  return { at: 'postgres' as const, trap: { statement, when, needsRow } };
}
