/** The command line was not understood; the message says what is missing or unknown. */
export class UsageError extends Error {
  override name = 'UsageError';
}
