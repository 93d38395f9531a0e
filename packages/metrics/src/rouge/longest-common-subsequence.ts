/** The longest common subsequence of two lists of tokens: its length, and one such subsequence as positions. */

/** Lengths by prefixes, `reference.length + 1` rows. */
function lengths(reference: readonly string[], candidate: readonly string[]): Uint32Array[] {
  const rows = [new Uint32Array(candidate.length + 1)];
  for (const [index, token] of reference.entries()) {
    const above = rows[index]!;
    const row = new Uint32Array(candidate.length + 1);
    for (let column = 1; column <= candidate.length; column++) {
      row[column] =
        token === candidate[column - 1] ? above[column - 1]! + 1 : Math.max(above[column]!, row[column - 1]!);
    }
    rows.push(row);
  }
  return rows;
}

/** The length of the longest common subsequence. */
export function commonLength(reference: readonly string[], candidate: readonly string[]): number {
  return lengths(reference, candidate).at(-1)!.at(-1)!;
}

/**
 * Positions in `reference` of one longest common subsequence. Of several, it is the one that rouge-score finds: ROUGE-Lsum
 * depends on it.
 */
export function commonPositions(reference: readonly string[], candidate: readonly string[]): number[] {
  const table = lengths(reference, candidate);
  const positions: number[] = [];
  let row = reference.length;
  let column = candidate.length;
  while (row > 0 && column > 0) {
    if (reference[row - 1] === candidate[column - 1]) {
      positions.push(--row);
      column--;
    } else if (table[row]![column - 1]! > table[row - 1]![column]!) column--;
    else row--;
  }
  return positions;
}
