import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { tokenizerPresets } from "@megatron-ts/model/tokenizers";
import {
  createTokenizer,
  specialTokenId,
  type Tokenizer,
  trainBpe,
  trainUnigram,
  trainWordPiece,
} from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { fillMasks } from "./fill-masks.ts";

const corpus = ["Call me Ishmael. Some years ago, never mind how long precisely, having little money in my purse"];
const shape = { numLayers: 2, hiddenSize: 16, numHeads: 2, initializerRange: 0.4 } as const;
const weights = { seed: 2 };

let wordPiece: Tokenizer;
let unigram: Tokenizer;
let roberta: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  wordPiece = await createTokenizer(await trainWordPiece(corpus, { vocabularySize: 560 }));
  unigram = await createTokenizer(await trainUnigram(corpus, { vocabularySize: 400, ...tokenizerPresets.xlnet }));
  const specialTokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
  roberta = await createTokenizer(await trainBpe(corpus, { vocabularySize: 300, specialTokens }));
});

const bert = (tokenizer: Tokenizer, fields: object = {}) =>
  createModel(
    { family: "bert", ...shape, vocabularySize: tokenizer.vocabularySize + 8, maxPositions: 24, ...fields },
    { weights },
  );
const xlnet = () => createModel({ family: "xlnet", ...shape, vocabularySize: unigram.vocabularySize }, { weights });
const ids = (rows: number[][]) => tf.tensor2d(rows, undefined, "int32");
const softmax = (logits: tf.Tensor) => tf.softmax(logits).dataSync();

describe("fillMasks", () => {
  it("returns BERT's predictions within its special tokens, most likely first, and the filled text", () => {
    const model = bert(wordPiece);
    const [filled] = fillMasks({ model, tokenizer: wordPiece }, ["call me [MASK]. some years [MASK]"], { topK: 3 });
    const framed = [...wordPiece.encode("call me [MASK]. some years [MASK]")];
    expect(wordPiece.idToToken(framed[0]!)).toBe("[CLS]");
    const probabilities = softmax(model.logits(model.forward({ tokens: ids([framed]) }).hidden));
    const size = wordPiece.vocabularySize + 8;
    const masks = [...framed.keys()].filter((position) => wordPiece.idToToken(framed[position]!) === "[MASK]");
    expect(filled!.masks).toHaveLength(2);
    masks.forEach((position, i) => {
      const known = [...probabilities.slice(position * size, (position + 1) * size - 8)];
      const best = known.map((probability, id) => ({ id, probability }));
      best.sort((a, b) => b.probability - a.probability);
      const found = filled!.masks[i]!;
      expect(found.map(({ id }) => id)).toEqual(best.slice(0, 3).map(({ id }) => id));
      found.forEach(({ id, token, probability }, rank) => {
        expect(token).toBe(wordPiece.idToToken(id));
        expect(Math.abs(probability - best[rank]!.probability)).toBeLessThan(1e-6);
      });
    });
    const whole = framed.slice(1, -1);
    masks.forEach((position, i) => {
      whole[position - 1] = filled!.masks[i]![0]!.id;
    });
    expect(filled!.text).toBe(wordPiece.decode(whole));
    expect(filled!.text).not.toContain("[MASK]");
  });

  it("adds the family's special tokens if the tokenizer has no post-processor", () => {
    const model = bert(roberta, { paddingToken: 1, numTokenTypes: 1 });
    const [filled] = fillMasks({ model, tokenizer: roberta }, ["Call me <mask>."], { topK: 1 });
    const framed = [0, ...roberta.encode("Call me <mask>."), 2];
    const position = framed.indexOf(specialTokenId(roberta, "mask")!);
    const probabilities = softmax(
      model.logits(model.forward({ tokens: ids([framed]) }).hidden).slice([0, position, 0], [1, 1, -1]),
    );
    expect(filled!.masks[0]![0]!.probability).toBeCloseTo(Math.max(...probabilities.slice(0, 300)), 6);
  });

  it("keeps other special tokens that the text spells out as text, unless asked for ids", () => {
    const model = bert(wordPiece);
    const fill = (text: string, specialTokens?: "text" | "ids") =>
      fillMasks({ model, tokenizer: wordPiece }, [text], { topK: 1, specialTokens })[0]!;
    const text = "call me [MASK] [SEP]";
    expect(fill(text, "ids").text).toMatch(/\[SEP\]$/);
    expect(fill(text).text).toMatch(/\[ ?sep ?\]$/);
    expect(fill(text).masks[0]![0]!.probability).not.toBe(fill(text, "ids").masks[0]![0]!.probability);
  });

  it("with XLNet: masked tokens attend to all others, none attends to them", () => {
    const model = xlnet();
    const text = "Call me <mask>. Some <mask> ago";
    const [filled] = fillMasks({ model, tokenizer: unigram }, [text], { topK: 2 });
    const framed = [...unigram.encode(text)];
    expect(framed.slice(-2).map((id) => unigram.idToToken(id))).toEqual(["<sep>", "<cls>"]);
    const mask = specialTokenId(unigram, "mask")!;
    const positions = [...framed.keys()].filter((position) => framed[position] === mask);
    const blocked = framed.map((_, i) => framed.map((token, j) => (token === mask && i !== j ? 1 : 0)));
    const tokenTypes = framed.map((_, i) => (i === framed.length - 1 ? 2 : 0));
    const predict = (hidden: number) =>
      model.logits(
        model.forward({
          tokens: ids([framed.map((token) => (token === mask ? hidden : token))]),
          targets: ids([positions]),
          permutationMask: tf.tensor3d([blocked]),
          tokenTypes: ids([tokenTypes]),
        }).query!,
      );
    const probabilities = softmax(predict(mask));
    expect([...softmax(predict(11))]).toEqual([...probabilities]);
    positions.forEach((_, i) => {
      const own = probabilities.slice(i * unigram.vocabularySize, (i + 1) * unigram.vocabularySize);
      const [first, second] = filled!.masks[i]!;
      expect(first!.id).toBe(own.indexOf(Math.max(...own)));
      expect(first!.probability).toBeCloseTo(Math.max(...own), 6);
      expect(second!.probability).toBeLessThanOrEqual(first!.probability);
    });
  });

  it.each(["bert", "xlnet"])("%s gives the same predictions alone and in a batch of other lengths", (family) => {
    const parts =
      family === "bert" ? { model: bert(wordPiece), tokenizer: wordPiece } : { model: xlnet(), tokenizer: unigram };
    const mask = parts.tokenizer.idToToken(specialTokenId(parts.tokenizer, "mask")!)!;
    const texts = [`Call ${mask} Ishmael`, `${mask} years ${mask}, never mind how ${mask}`, mask];
    const before = tf.memory().numTensors;
    const together = fillMasks(parts, texts);
    expect(tf.memory().numTensors).toBe(before);
    expect(together.map(({ masks }) => masks.length)).toEqual([1, 3, 1]);
    texts.forEach((text, row) => {
      const [alone] = fillMasks(parts, [text]);
      expect(alone!.text).toBe(together[row]!.text);
      alone!.masks.forEach((alternatives, i) => {
        alternatives.forEach(({ probability }, rank) => {
          expect(probability).toBeCloseTo(together[row]!.masks[i]![rank]!.probability, 5);
        });
      });
    });
  });

  it("rejects texts and models that do not fit", () => {
    const model = bert(wordPiece);
    const fill = (text: string, options = {}) => fillMasks({ model, tokenizer: wordPiece }, [text], options);
    expect(() => fill("Call me Ishmael.")).toThrow(/no mask.*\[MASK\]/);
    expect(() => fill("Call me [MASK].", { topK: 0 })).toThrow(/top-k.*0/);
    const long = "never ".repeat(30);
    const pieces = wordPiece.encode(`${long}[MASK]`).length;
    expect(() => fill(`${long}[MASK]`)).toThrow(new RegExp(`${pieces} tokens.*24`));
    // Its positions start after the padding token's.
    const offsetPositions = bert(roberta, { paddingToken: 1, numTokenTypes: 1 });
    const tokens = 2 + roberta.encode(`${long}<mask>`).length;
    expect(() => fillMasks({ model: offsetPositions, tokenizer: roberta }, [`${long}<mask>`])).toThrow(
      new RegExp(`${tokens} tokens.*22`),
    );
    const fits = "<mask>".repeat(20);
    expect(fillMasks({ model: offsetPositions, tokenizer: roberta }, [fits])[0]!.masks).toHaveLength(20);
    expect(() => fillMasks({ model: offsetPositions, tokenizer: roberta }, [`${fits}<mask>`])).toThrow(/23 tokens/);
    const headless = bert(wordPiece, { heads: { pooler: true, languageModel: false, pair: false } });
    expect(() => fillMasks({ model: headless, tokenizer: wordPiece }, ["[MASK]"])).toThrow("heads.languageModel");
  });
});
