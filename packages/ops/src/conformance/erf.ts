/** The error function in float64, for references: its power series, and the continued fraction of erfc beyond 3. */

export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const magnitude = Math.abs(x);
  return Math.sign(x) * (magnitude < 3 ? series(magnitude) : 1 - complement(magnitude));
}

/** 2/sqrt(pi) sum (-1)^n x^(2n+1) / (n! (2n+1)) (Abramowitz and Stegun 7.1.5). */
function series(x: number): number {
  let power = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** exp(-x^2)/sqrt(pi) times 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))) (Abramowitz and Stegun 7.1.14). */
function complement(x: number): number {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
