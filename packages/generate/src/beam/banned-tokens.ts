/** Tokens that would repeat a run of tokens. */

/** Ids that would complete an n-gram which the tokens already contain; none for n = 0. */
export function bannedTokens(tokens: readonly number[], n: number): Set<number> {
  const banned = new Set<number>();
  if (n === 0) return banned;
  const start = tokens.length - (n - 1);
  for (let i = 0; i + n <= tokens.length; i++) {
    let equal = true;
    for (let k = 0; k < n - 1 && equal; k++) equal = tokens[i + k] === tokens[start + k];
    if (equal) banned.add(tokens[i + n - 1]!);
  }
  return banned;
}
