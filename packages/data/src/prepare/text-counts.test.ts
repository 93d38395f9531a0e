import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countText } from "./text-counts.ts";

describe("countText", () => {
  it("equals slower ways to count", () => {
    const unit = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.constantFrom(
        ..." \n\t\v\f\r\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u180e\ufeff🚀é東a",
      ),
    );
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const text = units.join("");
        expect(countText(text)).toEqual({
          bytes: new TextEncoder().encode(text).length,
          characters: [...text].length,
          words: text.split(/\p{White_Space}+/u).filter((word) => word !== "").length,
        });
      }),
      { numRuns: 200 },
    );
  });
});
