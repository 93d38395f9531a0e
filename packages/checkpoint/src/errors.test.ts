/** Messages that list what is wrong with a file. */
import { describe, expect, it } from "vitest";
import { listed } from "./errors.ts";

describe("listed problems", () => {
  it("are all there if they are few", () => {
    expect(listed(["a", "b"])).toBe("\n  a\n  b");
  });

  it("end where there are many, or one is long", () => {
    const text = listed(Array.from({ length: 10_000 }, (_, i) => `${i}: ${"x".repeat(10_000)}`));
    expect(text.length).toBeLessThan(5000);
    expect(text).toContain("\n  19: x");
    expect(text.endsWith("\n  and 9980 more")).toBe(true);
  });
});
