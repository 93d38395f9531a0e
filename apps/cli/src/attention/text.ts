/** Draws a layout in characters: a row of cells for its queries, a column for its keys. */
import type { Coverage } from "@megatron-ts/attention";

const SHADES = ["··", "░░", "▒▒", "▓▓"];
const FULL = "██";

/** Columns of a cell. */
export const CELL_WIDTH = FULL.length;

/** The lines of a drawing. */
export const drawText = ({ cells }: Coverage): string[] => cells.map((row) => Array.from(row, shade).join(""));

/** What the characters mean. */
export const textLegend = `${FULL} all  ${SHADES.slice(1).reverse().join(" ")} a part  ${SHADES[0]} nothing`;

function shade(part: number): string {
  if (part === 0) return SHADES[0]!;
  return part === 1 ? FULL : SHADES[1 + Math.min(2, Math.floor(part * 3))]!;
}
