/** Fits loss = E + A / parameters ^ a + B / tokens ^ b by least squares: a grid of exponents, linear in the rest. */

const EXPONENTS = Array.from({ length: 60 }, (_, i) => 0.05 + 0.02 * i);

/** @param points of `{ parameters, tokens, loss }` @returns the law, and the largest error in nats */
export function fitLaw(points) {
  let best = null;
  for (const parameterExponent of EXPONENTS) {
    for (const tokenExponent of EXPONENTS) {
      const rows = points.map(({ parameters, tokens }) => [
        1,
        parameters ** -parameterExponent,
        tokens ** -tokenExponent,
      ]);
      const solution = leastSquares(
        rows,
        points.map(({ loss }) => loss),
      );
      if (!solution || solution.some((value) => value < 0)) continue;
      const errors = rows.map((row, i) => row.reduce((sum, value, j) => sum + value * solution[j], 0) - points[i].loss);
      const squared = errors.reduce((sum, error) => sum + error * error, 0);
      if (best && squared >= best.squared) continue;
      const [irreducible, parameterScale, tokenScale] = solution;
      const law = { irreducible, parameterScale, parameterExponent, tokenScale, tokenExponent };
      best = { squared, law, worst: Math.max(...errors.map(Math.abs)) };
    }
  }
  return best;
}

/** Solves the normal equations by elimination; null if they are singular. */
function leastSquares(rows, targets) {
  const size = rows[0].length;
  const scale = Array.from({ length: size }, (_, j) => Math.max(...rows.map((row) => Math.abs(row[j]))));
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) =>
      rows.reduce((sum, row) => sum + (row[i] / scale[i]) * (row[j] / scale[j]), 0),
    ),
    rows.reduce((sum, row, k) => sum + (row[i] / scale[i]) * targets[k], 0),
  ]);
  for (let i = 0; i < size; i++) {
    const pivot = matrix.slice(i).reduce((at, row, k) => (Math.abs(row[i]) > Math.abs(matrix[at][i]) ? i + k : at), i);
    [matrix[i], matrix[pivot]] = [matrix[pivot], matrix[i]];
    if (Math.abs(matrix[i][i]) < 1e-12) return null;
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const factor = matrix[k][i] / matrix[i][i];
      matrix[k] = matrix[k].map((value, j) => value - factor * matrix[i][j]);
    }
  }
  return matrix.map((row, i) => row[size] / row[i] / scale[i]);
}
