/**
 * The edit distance of TER: Levenshtein's, computed in a band around the diagonal, with the edits that reach it. The band
 * and the order of preference among equal edits are Tercom's as sacreBLEU has them: they decide which shifts are tried.
 */

/** An edit that turns the hypothesis into the reference. `insert` and `delete` concern the hypothesis. */
export type Edit = "keep" | "substitute" | "insert" | "delete";

const BAND = 25;
const UNREACHED = 1e16;

/** Costs and last edits by position in the reference, `reference.length + 1` of each. */
interface Row {
  costs: number[];
  edits: (Edit | undefined)[];
}

/** One row per prefix of the hypothesis, the empty one first. */
export type EditTable = readonly Row[];

function firstRow(length: number): Row {
  return {
    costs: Array.from({ length: length + 1 }, (_, index) => index),
    edits: Array<Edit>(length + 1).fill("insert"),
  };
}

/** The best of the three edits that lead to a cell: among equal ones keep or substitute, then delete, then insert. */
function relax(row: Row, previous: Row, { column, equal }: { column: number; equal: boolean }): void {
  if (column === 0) {
    row.costs[0] = previous.costs[0]! + 1;
    row.edits[0] = "delete";
    return;
  }
  const options: [number, Edit][] = [
    [previous.costs[column - 1]! + (equal ? 0 : 1), equal ? "keep" : "substitute"],
    [previous.costs[column]! + 1, "delete"],
    [row.costs[column - 1]! + 1, "insert"],
  ];
  for (const [cost, edit] of options) {
    if (cost < row.costs[column]!) {
      row.costs[column] = cost;
      row.edits[column] = edit;
    }
  }
}

/**
 * The table of distances from every prefix of `hypothesis` to every prefix of `reference` in the band. `known` may hold a
 * table of another hypothesis of the same length that begins with the same `shared` words; their rows are reused.
 */
export function editTable(
  hypothesis: readonly string[],
  reference: readonly string[],
  { known = [], shared = 0 }: { known?: EditTable; shared?: number } = {},
): EditTable {
  const rows: Row[] = known.length > 0 ? known.slice(0, shared + 1) : [firstRow(reference.length)];
  const ratio = hypothesis.length > 0 ? reference.length / hypothesis.length : 1;
  const band = BAND < ratio / 2 ? Math.ceil(ratio / 2 + BAND) : BAND;
  for (let index = rows.length; index <= hypothesis.length; index++) {
    const previous = rows[index - 1]!;
    const row: Row = {
      costs: Array<number>(reference.length + 1).fill(UNREACHED),
      edits: Array<undefined>(reference.length + 1).fill(undefined),
    };
    const diagonal = Math.floor(index * ratio);
    const isLast = index === hypothesis.length;
    const end = isLast ? reference.length + 1 : Math.min(reference.length + 1, diagonal + band);
    const word = hypothesis[index - 1];
    for (let column = Math.max(0, diagonal - band); column < end; column++) {
      relax(row, previous, { column, equal: word === reference[column - 1] });
    }
    rows.push(row);
  }
  return rows;
}

/** The number of edits from the whole hypothesis to the whole reference. */
export const distanceOf = (table: EditTable): number => table.at(-1)!.costs.at(-1)!;

/** The edits of a table, in the order of the texts. */
export function editsOf(table: EditTable): Edit[] {
  const edits: Edit[] = [];
  let row = table.length - 1;
  let column = table[0]!.costs.length - 1;
  while (row > 0 || column > 0) {
    const edit = table[row]!.edits[column]!;
    edits.push(edit);
    if (edit !== "insert") row--;
    if (edit !== "delete") column--;
  }
  return edits.reverse();
}
