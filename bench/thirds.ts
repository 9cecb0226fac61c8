/** How something went over a whole run: the mean of its first and of its last third, and the largest of all. */
export interface Thirds {
  first: number;
  last: number;
  max: number;
}

/** `samples` were taken at equal intervals from the beginning to the end; there is at least one. */
export function compareThirds(samples: number[]): Thirds {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const mean = (part: number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
  return {
    first: mean(samples.slice(0, third)),
    last: mean(samples.slice(-third)),
    max: Math.max(...samples),
  };
}
