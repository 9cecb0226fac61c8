// SQLSTATE classes: 22 (data exception), 23 (integrity), 54 (limit exceeded). PostgreSQL, Appendix A.
const DATA_ERROR = /^(22|23|54)/;

/** PostgreSQL refused a value of some row: without that row the statement would have worked, and trying it again won't. */
export function isDataError(error: unknown): boolean {
  return DATA_ERROR.test((error as { code?: string }).code ?? '');
}
