import { describe, expect, it } from "vitest";
import { coverExactly, placeSlice, type Slice } from "./slices.ts";

describe("coverExactly", () => {
  it.each<[string, number[], Slice[], boolean]>([
    ["a whole", [2, 3], [{ origin: [0, 0], shape: [2, 3] }], true],
    ["a scalar", [], [{ origin: [], shape: [] }], true],
    ["nothing", [0, 4], [{ origin: [0, 0], shape: [0, 4] }], true],
    [
      "two columns",
      [2, 3],
      [
        { origin: [0, 0], shape: [2, 1] },
        { origin: [0, 1], shape: [2, 2] },
      ],
      true,
    ],
    [
      "a gap and an overlap of equal size",
      [4],
      [
        { origin: [0], shape: [2] },
        { origin: [1], shape: [2] },
      ],
      false,
    ],
    ["too little", [4], [{ origin: [0], shape: [3] }], false],
    ["outside", [4], [{ origin: [2], shape: [4] }], false],
    ["another rank", [4], [{ origin: [0, 0], shape: [2, 2] }], false],
  ])("%s", (_, shape, slices, covered) => {
    expect(coverExactly(shape, slices)).toBe(covered);
  });
});

describe("placeSlice", () => {
  it("puts every element at its index", () => {
    const shape = [3, 4, 5];
    const slice = { origin: [1, 0, 2], shape: [2, 3, 2] };
    const part = Uint16Array.from({ length: 12 }, (_, i) => 100 + i);
    const whole = new Uint16Array(60);
    placeSlice(new Uint8Array(whole.buffer), new Uint8Array(part.buffer), { shape, slice, elementBytes: 2 });
    const expected = new Uint16Array(60);
    let next = 100;
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3; j++) {
        for (let k = 0; k < 2; k++) expected[(1 + i) * 20 + j * 5 + 2 + k] = next++;
      }
    }
    expect(whole).toEqual(expected);
  });
});
