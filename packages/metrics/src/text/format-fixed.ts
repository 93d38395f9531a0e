/** Python's f"{x:.2f}": as toFixed, but a number exactly between two decimals rounds to the even one. */

/** Formats `value` with `digits` decimals. @throws RangeError for more than 50 digits */
export function formatFixed(value: number, digits: number): string {
  if (digits > 50) throw new RangeError(`digits must be at most 50, got ${digits}`);
  const rounded = value.toFixed(digits);
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return rounded;
  // 100 decimals are enough to detect a tie, which has at most one digit after `digits`.
  const exact = value.toFixed(100);
  const end = exact.length - 100 + digits;
  const cut = digits === 0 ? exact.slice(0, end - 1) : exact.slice(0, end);
  const isTie = /^50*$/.test(exact.slice(end));
  return isTie && Number(cut.at(-1)) % 2 === 0 ? cut : rounded;
}
