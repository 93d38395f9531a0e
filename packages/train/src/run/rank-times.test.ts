/** Which rank the others wait for. */
import { describe, expect, it } from "vitest";
import { describeStraggler, slowestOf } from "./rank-times.ts";

const hosts = ["a", "a", "b", "b"];

describe("slowestOf", () => {
  it("compares the slowest rank with the median of the others", () => {
    expect(slowestOf([10, 12, 40, 14], hosts)).toEqual({
      ...{ milliseconds: [10, 12, 40, 14], slowest: 2, host: "b", others: 12 },
    });
    expect(slowestOf([30, 10], hosts)).toMatchObject({ slowest: 0, host: "a", others: 10 });
  });
});

describe("describeStraggler", () => {
  it("names a rank that is much slower, with its host", () => {
    expect(describeStraggler(slowestOf([10, 12, 40, 14], hosts))).toMatch(/^rank 2 on b .* 40 ms .* 12 ms$/);
    expect(describeStraggler(slowestOf([10, 12, 14, 12], hosts))).toBeNull();
  });
});
