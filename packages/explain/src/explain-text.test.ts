/** Whole explanations of texts, by models of each kind with a tokenizer of their own, and their HTML. */
import { start } from "@megatron-ts/engine";
import { createModel, type Model } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe, trainWordPiece } from "@megatron-ts/tokenizer";
import { beforeAll, describe, expect, it } from "vitest";
import { type ExplainTextOptions, explainText } from "./explain-text.ts";
import { attentionImage } from "./html/bitmap.ts";
import { explanationPage } from "./html/explanation-page.ts";

const size = { numLayers: 2, hiddenSize: 32, numHeads: 4, maxPositions: 24, initializerRange: 0.2 };
const texts = ["to be or not to be, that is <the> question"];
let bpe: Tokenizer;
let pieces: Tokenizer;
let writer: Model;
let filler: Model;
let classifier: Model;

beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  bpe = await createTokenizer(await trainBpe(texts, { vocabularySize: 280 }));
  pieces = await createTokenizer(await trainWordPiece(texts, { vocabularySize: 560 }));
  const weights = { seed: 1 };
  writer = createModel(
    { family: "gpt", ...size, vocabularySize: bpe.vocabularySize, positions: "rotary", norm: "rms" },
    { weights },
  );
  const encoder = { family: "bert", ...size, vocabularySize: pieces.vocabularySize } as const;
  filler = createModel(encoder, { weights });
  classifier = createModel(
    { ...encoder, task: { kind: "sequence-classification", labels: ["bad", "good"] } },
    { weights },
  );
});

const explained = (kind: "writer" | "filler" | "classifier", text: string, options?: ExplainTextOptions) =>
  explainText(
    {
      writer: { model: writer, tokenizer: bpe },
      filler: { model: filler, tokenizer: pieces },
      classifier: { model: classifier, tokenizer: pieces },
    }[kind],
    text,
    options,
  );

describe("explainText", () => {
  it("explains the next token, completely, in a model whose norms jump near zero", () => {
    const found = explained("writer", "to be or");
    expect(found.kind).toBe("next-token");
    expect(found.position).toBe(found.tokens.length - 1);
    expect(found.tokens.map(({ text }) => text).join("")).toBe("to be or");
    expect(found.outputs[0]).toEqual(found.target);
    expect(found.attribution.integratedGradients.completenessError).toBeLessThan(0.01);
    expect(found.heads!.map(({ heads }) => heads.length)).toEqual([4, 4]);
    expect(found.lens!.at(-1)!.likeliest.at(-1)!.index).toBe(found.target.index);
    expect(found.attention).toHaveLength(2);
    expect(found.neurons).toHaveLength(5);
  });

  it("explains a mask where it is, and a given target", () => {
    const found = explained("filler", "to [MASK] or not", { target: "be", attention: false });
    expect(found).toMatchObject({ kind: "mask", position: 2, target: { text: "be" }, attention: null });
    expect(() => explained("filler", "no mask")).toThrow(/one \[MASK\].*found 0/);
  });

  it("explains a label", () => {
    const found = explained("classifier", "to be", { target: "good" });
    expect(found).toMatchObject({ kind: "label", position: null, lens: null, target: { index: 1, text: "good" } });
    expect(found.outputs.map(({ probability }) => probability).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(() => explained("classifier", "to be", { target: "fine" })).toThrow(/bad, good/);
  });
});

describe("explanationPage", () => {
  it("is a file of its own in which texts stay text", () => {
    const page = explanationPage(explained("writer", "is <the>"), { title: "a & b" });
    expect(page).toContain("<title>a &amp; b</title>");
    expect(page).toContain("is &lt;the&gt;");
    expect(page).not.toMatch(/<the>|<script|https?:|url\(/);
    expect(page.match(/<img alt="Layer \d, head \d: reads /g)).toHaveLength(8);
  });

  it("draws a map as a bitmap, unseen keys apart", () => {
    const bytes = Buffer.from(
      attentionImage([
        [1, 0],
        [0.25, 0.75],
      ]).split(",")[1]!,
      "base64",
    );
    expect(bytes.subarray(0, 2).toString()).toBe("BM");
    expect(bytes.readUInt32LE(2)).toBe(bytes.length);
    expect([bytes.readInt32LE(18), bytes.readInt32LE(22)]).toEqual([2, -2]);
    expect([...bytes.subarray(54 + 1024)]).toEqual([255, 0, 0, 0, 128, 221, 0, 0]);
  });
});
