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

export interface Sizes {
  seconds: number;
  sustainedSeconds: number;
  idleSeconds: number;
  /** Jobs that go through a queue. */
  jobs: number;
  /** For which each way of sending is measured. */
  channelSeconds: number;
}
