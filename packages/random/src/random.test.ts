import { describe, expect, it } from "vitest";
import { hashKey, type Key, normals, permutation, truncatedNormals, uniforms, words } from "./index.ts";
import { philox } from "./philox.ts";

const hexadecimal = (values: Uint32Array) => [...values].map((value) => value.toString(16).padStart(8, "0")).join(" ");

describe("philox", () => {
  // The known answers published with Random123 (kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [[0, 0], [0, 0, 0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ] as const)("gives the known answer for key %j", (key, counter, expected) => {
    const out = new Uint32Array(4);
    philox(key, counter, out);
    expect(hexadecimal(out)).toBe(expected);
  });
});

describe("streams", () => {
  const key: Key = hashKey(7, "test");

  it("depend only on key and index", () => {
    for (const draw of [words, uniforms, normals, truncatedNormals]) {
      const whole = draw(key, 100);
      for (const start of [0, 1, 2, 3, 41]) expect(draw(key, 20, { start })).toEqual(whole.slice(start, start + 20));
    }
  });

  it("continue beyond 2^32 elements", () => {
    const start = 2 ** 34 + 1;
    expect(words(key, 7, { start: start + 3 })).toEqual(words(key, 10, { start }).slice(3));
    expect(words(key, 4, { start: 2 ** 34 })).not.toEqual(words(key, 4));
  });

  it("have the moments of their distributions", () => {
    const count = 100_000;
    const moments = (values: Float32Array) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count)] as const;
    };
    const [uniformMean, uniformDeviation] = moments(uniforms(key, count));
    expect(uniformMean).toBeCloseTo(0.5, 2);
    expect(uniformDeviation).toBeCloseTo(Math.sqrt(1 / 12), 2);
    const [normalMean, normalDeviation] = moments(normals(key, count));
    expect(Math.abs(normalMean)).toBeLessThan(0.01);
    expect(Math.abs(normalDeviation - 1)).toBeLessThan(0.01);
    const truncated = truncatedNormals(key, count);
    expect(Math.max(...truncated.map(Math.abs))).toBeLessThanOrEqual(2);
    // The deviation of a standard normal cut at +-2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)).
    expect(Math.abs(moments(truncated)[1] - 0.8796)).toBeLessThan(0.01);
  });
});

describe("permutation", () => {
  it("contains every element once and depends on the key", () => {
    const order = permutation(hashKey(1), 10_000);
    expect(new Set(order).size).toBe(10_000);
    expect(permutation(hashKey(1), 10_000)).toEqual(order);
    expect(permutation(hashKey(2), 10_000)).not.toEqual(order);
  });

  it("is uniform: each of the six orders of three is about equally frequent", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = permutation(hashKey(3, i), 3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe("hashKey", () => {
  it("distinguishes names that concatenate to the same text", () => {
    const keys = [
      hashKey(1, "a", 2),
      hashKey(1, "a2"),
      hashKey(1, "a", "2"),
      hashKey(1, 2, "a"),
      hashKey(2, "a", 2),
      hashKey(1, "a"),
    ];
    expect(new Set(keys.map(String)).size).toBe(keys.length);
  });

  it("refuses what is not an integer", () => {
    expect(() => hashKey(0.5)).toThrow("0.5");
  });
});
