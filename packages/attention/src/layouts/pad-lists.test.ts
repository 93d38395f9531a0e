import { describe, expect, it } from "vitest";
import { compileQueries } from "./compile-queries.ts";
import { or } from "./compose.ts";
import { local } from "./local.ts";
import { longestList, padLists } from "./pad-lists.ts";
import { strided } from "./strided.ts";

describe("padLists", () => {
  const keys = 64 * 9 + 5;
  const layout = or(strided({ stride: 70, causal: true }), local({ window: 5, globalTokens: [0], causal: true }));
  const lists = compileQueries(layout, { positions: Int32Array.of(3, 200, 500), batch: 3, keys, numHeads: 1 });

  it.each([8, 9, 10])("keeps what queries see in lists of %i blocks", (room) => {
    const padded = padLists(lists, room);
    expect(longestList(padded)).toBe(room);
    expect([padded.offsets, padded.blocks, padded.masks].map(({ length }) => length)).toEqual([
      4,
      6 * room,
      384 * room,
    ]);
    for (const row of [0, 1, 2]) {
      const own = (from: typeof lists) => Array.from({ length: keys }, (_, key) => sees(from, row, key));
      expect(own(padded)).toEqual(own(lists));
      const blocks = [...padded.blocks.subarray(2 * row * room, 2 * (row + 1) * room)].filter((_, i) => i % 2 === 0);
      expect(blocks).toEqual([...new Set(blocks)].sort((a, b) => a - b));
    }
  });

  it("refuses room for fewer blocks than a list has, and for more than there are", () => {
    expect(() => padLists(lists, longestList(lists) - 1)).toThrow(RangeError);
    expect(() => padLists(lists, 11)).toThrow(RangeError);
  });
});

/** Whether the only query of a row sees a key. */
function sees({ offsets, blocks, masks }: ReturnType<typeof padLists>, row: number, key: number): boolean {
  for (let entry = offsets[row]!; entry < offsets[row + 1]!; entry++) {
    const [block, mask] = [blocks[2 * entry]!, blocks[2 * entry + 1]!];
    if (block !== Math.floor(key / 64)) continue;
    const bit = key % 64;
    return mask < 0 || ((masks[mask * 128 + (bit >> 5)]! >>> (bit & 31)) & 1) === 1;
  }
  return false;
}
