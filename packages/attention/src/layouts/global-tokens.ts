/** Tokens that see all tokens, and that all tokens see (Longformer's global attention). */
import { BLOCK, blocksOf, type Cover, type Layout } from "./layout.ts";
import { sortRuns } from "./runs.ts";

/** A layout of the rows and columns of these positions alone; those beyond the text are left out. */
export function globalTokens(positions: readonly number[]): Layout {
  const isGlobal = new Set(positions);
  const globalBlocks = new Set(positions.map((position) => Math.floor(position / BLOCK)));
  const columns = [...globalBlocks].flatMap((block) => [block, block + 1]);
  const sees = (query: number, key: number) => isGlobal.has(query) || isGlobal.has(key);

  const covers = new Map<string, Cover>();
  function cover(row: number, column: number): Cover {
    const [hasRow, hasColumn] = [globalBlocks.has(row), globalBlocks.has(column)];
    if (!hasRow && !hasColumn) return false;
    const key = `global${hasRow ? row : ""},${hasColumn ? column : ""}`;
    const known = covers.get(key);
    if (known) return known;
    const fresh = { key, sees };
    covers.set(key, fresh);
    return fresh;
  }

  return {
    causal: false,
    perHead: false,
    random: false,
    place({ length }) {
      const blocks = blocksOf(length);
      const everywhere = [0, blocks];
      const few = sortRuns(columns, blocks);
      return { runs: (row) => (globalBlocks.has(row) ? everywhere : few), cover };
    },
  };
}
