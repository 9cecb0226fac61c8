/** The other side of `runTask`: does what the plan asks for, answers, and ends this process. */
export function task<Plan>(work: (plan: Plan) => Promise<object>): void {
  process.once('message', async (plan: Plan) => {
    const answer = await work(plan);
    process.send!(answer, () => process.exit(0));
  });
  process.once('disconnect', () => process.exit(1));
}
