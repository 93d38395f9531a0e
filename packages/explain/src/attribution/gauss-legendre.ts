/** Gauss-Legendre quadrature: points and weights by which a smooth function's integral over 0..1 is a weighted sum. */

/** Points in ascending order, and weights, which add up to 1. Newton's method on the Legendre polynomial of that degree. */
export function gaussLegendre(degree: number): { points: number[]; weights: number[] } {
  const points: number[] = [];
  const weights: number[] = [];
  for (let index = degree; index >= 1; index--) {
    let x = Math.cos((Math.PI * (index - 0.25)) / (degree + 0.5));
    let slope = 0;
    for (let step = 0; step < 100; step++) {
      const legendre = legendreAt(x, degree);
      slope = legendre.slope;
      const change = legendre.value / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    points.push((1 + x) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { points, weights };
}

/** The Legendre polynomial and its derivative at x, by Bonnet's recursion. */
function legendreAt(x: number, degree: number): { value: number; slope: number } {
  let [previous, value] = [1, x];
  for (let k = 2; k <= degree; k++) {
    [previous, value] = [value, ((2 * k - 1) * x * value - (k - 1) * previous) / k];
  }
  return { value, slope: (degree * (x * value - previous)) / (x * x - 1) };
}
