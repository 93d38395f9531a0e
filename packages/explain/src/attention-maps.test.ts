/** Maps of sparse attention: what is 0 in them is what the layout hides, and global tokens read with their own projections. */
import { compileLayout, coverageOf, createLayout, type LayoutConfig } from "@megatron-ts/attention";
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfigInput } from "@megatron-ts/model";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionHtml } from "./html/attention-html.ts";
import { attentionMaps, createReading } from "./index.ts";

const LENGTH = 80;
const size = { numLayers: 2, hiddenSize: 16, numHeads: 2, maxPositions: 128, vocabularySize: 50 };
const tokens = Array.from({ length: LENGTH }, (_, index) => (7 * index + 3) % 50);

const mapsOf = (config: ModelConfigInput) => {
  const model = createModel(config, { weights: { seed: 1 } });
  const maps = attentionMaps(createReading(model, tokens, { position: 5 }));
  model.dispose();
  return maps;
};

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
});

describe("attentionMaps", () => {
  it.each<["gpt" | "bert", LayoutConfig]>([
    ["gpt", { layout: "local", window: 5 }],
    ["gpt", { layout: "strided", stride: 8 }],
    ["gpt", { layout: "local", window: 3, layers: ["dense", "local"] }],
    ["bert", { layout: "local", window: 4, globalTokens: [0, 9] }],
  ])("of %s with %j are 0 where the layout hides a key, and only there", (family, attention) => {
    const layered = "layers" in attention;
    for (const [index, { layout, heads }] of mapsOf({ family, ...size, attention }).entries()) {
      const isSparse = !layered || index === 1;
      expect(layout).toBe(isSparse ? attention.layout : null);
      const placed = createLayout(isSparse ? attention : { layout: "dense" }, {
        causal: family === "gpt",
        length: LENGTH,
      });
      const { cells } = coverageOf(compileLayout(placed, { length: LENGTH, numHeads: 2 }), { maxCells: 128 });
      for (const shares of heads) {
        expect(shares.map((row) => row.map((share) => (share > 0 ? 1 : 0)))).toEqual(cells.map((row) => [...row]));
      }
    }
  });

  it("have the rows of global tokens with projections of their own, which see everything", () => {
    const attention: LayoutConfig = { layout: "local", window: 4, globalTokens: [0, 9, 100] };
    const [plain, own] = [false, true].map((globalProjections) =>
      mapsOf({ family: "bert", ...size, attention, globalProjections }),
    );
    for (const { heads } of own!) {
      for (const shares of heads) {
        for (const position of [0, 9]) {
          expect(shares[position]!.every((share) => share > 0)).toBe(true);
          expect(shares[position]!.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        }
      }
    }
    expect(own![0]!.heads[0]![0]).not.toEqual(plain![0]!.heads[0]![0]);
    expect(own![0]!.heads[0]![20]!.filter((share) => share > 0)).toHaveLength(
      plain![0]!.heads[0]![20]!.filter((share) => share > 0).length,
    );
  });

  it("say in a report by which layout a layer sees, and how much", () => {
    const [map] = mapsOf({ family: "gpt", ...size, attention: { layout: "local", window: 5 } });
    const pairs = 1 + 2 + 3 + 4 + 5 * (LENGTH - 4);
    expect(attentionHtml([map!], null)).toContain(
      `sparse layout local, ${pairs} of ${(LENGTH * (LENGTH + 1)) / 2} pairs`,
    );
  });
});
