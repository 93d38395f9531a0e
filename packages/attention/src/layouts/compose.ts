/** Layouts made of two: what both show, or what either shows. */
import { blocksOf, type Cover, type Layout, type PartialCover, type PlacedLayout } from "./layout.ts";
import { intersectRuns, sortRuns } from "./runs.ts";

/** Keys that a query sees in both layouts. */
export function and(a: Layout, b: Layout): Layout {
  const join = rememberPairs((one, other) => ({
    key: `(${one.key}&${other.key})`,
    sees: (query, key) => one.sees(query, key) && other.sees(query, key),
  }));
  return compose(a, b, {
    causal: a.causal || b.causal,
    place: (one, other) => ({
      runs: (row) => intersectRuns(one.runs(row), other.runs(row)),
      cover(row, column) {
        const first = one.cover(row, column);
        if (first === false) return false;
        const second = other.cover(row, column);
        if (first === true || second === false) return second;
        return second === true ? first : join(first, second);
      },
    }),
  });
}

/** Keys that a query sees in one of the layouts, or in both. */
export function or(a: Layout, b: Layout): Layout {
  const join = rememberPairs((one, other) => ({
    key: `(${one.key}|${other.key})`,
    sees: (query, key) => one.sees(query, key) || other.sees(query, key),
  }));
  return compose(a, b, {
    causal: a.causal && b.causal,
    place: (one, other, blocks) => ({
      runs: (row) => sortRuns([...one.runs(row), ...other.runs(row)], blocks),
      cover(row, column) {
        const first = one.cover(row, column);
        if (first === true) return true;
        const second = other.cover(row, column);
        if (first === false || second === true) return second;
        return second === false ? first : join(first, second);
      },
    }),
  });
}

/** Returns the same object for the same pair, so that masks are found by identity. */
function rememberPairs(join: (one: PartialCover, other: PartialCover) => PartialCover) {
  const known = new WeakMap<PartialCover, WeakMap<PartialCover, Cover>>();
  return (one: PartialCover, other: PartialCover): Cover => {
    let joined = known.get(one);
    if (!joined) {
      joined = new WeakMap();
      known.set(one, joined);
    }
    const found = joined.get(other);
    if (found) return found;
    const fresh = join(one, other);
    joined.set(other, fresh);
    return fresh;
  };
}

function compose(
  a: Layout,
  b: Layout,
  {
    causal,
    place,
  }: { causal: boolean; place: (one: PlacedLayout, other: PlacedLayout, blocks: number) => PlacedLayout },
): Layout {
  return {
    causal,
    perHead: a.perHead || b.perHead,
    random: a.random || b.random,
    place: (where) => place(a.place(where), b.place(where), blocksOf(where.length)),
  };
}
