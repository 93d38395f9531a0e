import { describe, expect, it } from "vitest";
import { linearBiasSlopes } from "./linear-bias.ts";

describe("the slopes of linear biases", () => {
  it("are powers of two for eight heads", () => {
    expect(linearBiasSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((power) => 2 ** -power));
  });

  it("are every other one of the next power of two for the heads beyond one, as in the paper's code", () => {
    expect(linearBiasSlopes(6)).toEqual([2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3]);
  });
});
