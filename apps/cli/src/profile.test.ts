import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { profileTable, traceEvents, writeTrace } from "./profile.ts";

const events = [
  {
    name: "MegatronLinear",
    shapes: [
      [2, 3],
      [4, 3],
    ],
    bytes: 200,
    flops: 4_000_000,
    start: 1,
    duration: 2,
  },
  {
    name: "Add",
    shapes: [
      [2, 4],
      [2, 4],
    ],
    bytes: 3_000_000,
    flops: 0,
    start: 4,
    duration: 1,
  },
  {
    name: "MegatronLinear",
    shapes: [
      [2, 3],
      [4, 3],
    ],
    bytes: 200,
    flops: 4_000_000,
    start: 6,
    duration: 2,
  },
];

describe("a profile", () => {
  it("is exported as a Chrome trace in microseconds", () => {
    expect(traceEvents(events)[0]).toEqual({
      name: "MegatronLinear",
      ph: "X",
      ts: 1000,
      dur: 2000,
      pid: 1,
      tid: 1,
      args: { shapes: "[2,3] [4,3]", bytes: 200, gigaflopsPerSecond: 2 },
    });
  });

  it.runIf(existsSync("/dev/full"))("names the file where the disk is full", () => {
    expect(() => writeTrace("/dev/full", events)).toThrow(
      expect.objectContaining({ code: "ENOSPC", path: "/dev/full" }),
    );
  });

  it("sums the calls of each kernel, and the time outside kernels", () => {
    expect(profileTable(events, 10).map((line) => line.replaceAll(/ +/g, " "))).toEqual([
      "MegatronLinear 2 4.0 ms 40.0 % 2 GFLOP/s",
      "Add 1 1.0 ms 10.0 % 3.0 GB/s",
      "outside kernels 5.0 ms 50.0 %",
    ]);
  });
});
