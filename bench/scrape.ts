/** One line of what Prometheus reads. */
export interface Sample {
  /** With all that Bellhop puts before its own names. */
  name: string;
  value: number;
}

/** The metrics of a running Bellhop. Its event-loop delays are those since the last look. */
export async function readMetrics(url: string): Promise<Sample[]> {
  const response = await fetch(`${url}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return (await response.text()).split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)$/.exec(line);
    return match ? [{ name: match[1]!, value: Number(match[2]) }] : [];
  });
}

/** The sum over all labels. */
export function sumOf(samples: Sample[], name: string): number {
  return samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0);
}
