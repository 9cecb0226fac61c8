/** Prints what the API refused; the exit code of the command. */
export function printProblem(problem: Record<string, unknown>): number {
  console.error(`${problem.title}: ${problem.detail} [${problem.code}]`);
  return 1;
}
