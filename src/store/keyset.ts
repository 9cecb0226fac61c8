// The bounds of a list are parameters, never `coalesce($1, …)` in the statement: under row-level security the planner takes
// that for something that could leak, and reads and throws away everything before the page.

/** Before every UUID. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';
/** Behind every UUID. */
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
/** Behind every number of 32 bits that is given out. */
export const LAST_NUMBER = 2_147_483_647;
