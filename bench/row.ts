/** One line of the table: what was measured, its limit in the same run, and the goal. */
export interface Row {
  id: string;
  what: string;
  value: string;
  limit: string;
  ratio: string;
  goal: string;
  met: boolean;
}
