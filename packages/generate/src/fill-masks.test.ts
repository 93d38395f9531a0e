import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
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
  unigram = await createTokenizer(await trainUnigram(corpus, { vocabularySize: 400, family: "xlnet" }));
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
  it("gives what BERT predicts in its frame, likeliest first, and the text with it", () => {
    const model = bert(wordPiece);
    const [filled] = fillMasks({ model, tokenizer: wordPiece }, ["call me [MASK]. some years [MASK]"], { topK: 3 });
    const framed = [...wordPiece.encode("call me [MASK]. some years [MASK]")];
    expect(wordPiece.idToToken(framed[0]!)).toBe("[CLS]");
    const probabilities = softmax(model.logits(model.hidden({ tokens: ids([framed]) })));
    const size = wordPiece.vocabularySize + 8;
    const masks = [...framed.keys()].filter((place) => wordPiece.idToToken(framed[place]!) === "[MASK]");
    expect(filled!.masks).toHaveLength(2);
    masks.forEach((place, i) => {
      const known = [...probabilities.slice(place * size, (place + 1) * size - 8)];
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
    masks.forEach((place, i) => {
      whole[place - 1] = filled!.masks[i]![0]!.id;
    });
    expect(filled!.text).toBe(wordPiece.decode(whole));
    expect(filled!.text).not.toContain("[MASK]");
  });

  it("frames by the family's markers where the tokenizer has no frame of its own", () => {
    const model = bert(roberta, { paddingToken: 1, numTokenTypes: 1 });
    const [filled] = fillMasks({ model, tokenizer: roberta }, ["Call me <mask>."], { topK: 1 });
    const framed = [0, ...roberta.encode("Call me <mask>."), 2];
    const place = framed.indexOf(specialTokenId(roberta, "mask")!);
    const probabilities = softmax(
      model.logits(model.hidden({ tokens: ids([framed]) })).slice([0, place, 0], [1, 1, -1]),
    );
    expect(filled!.masks[0]![0]!.probability).toBeCloseTo(Math.max(...probabilities.slice(0, 300)), 6);
  });

  it("by XLNet: hidden tokens see all others, none sees them", () => {
    const model = xlnet();
    const text = "Call me <mask>. Some <mask> ago";
    const [filled] = fillMasks({ model, tokenizer: unigram }, [text], { topK: 2 });
    const framed = [...unigram.encode(text)];
    expect(framed.slice(-2).map((id) => unigram.idToToken(id))).toEqual(["<sep>", "<cls>"]);
    const mask = specialTokenId(unigram, "mask")!;
    const places = [...framed.keys()].filter((place) => framed[place] === mask);
    const blocked = framed.map((_, i) => framed.map((token, j) => (token === mask && i !== j ? 1 : 0)));
    const tokenTypes = framed.map((_, i) => (i === framed.length - 1 ? 2 : 0));
    const predict = (hidden: number) =>
      model.logits(
        model.hidden({
          tokens: ids([framed.map((token) => (token === mask ? hidden : token))]),
          targets: ids([places]),
          blocked: tf.tensor3d([blocked]),
          tokenTypes: ids([tokenTypes]),
        }).query!,
      );
    const probabilities = softmax(predict(mask));
    expect([...softmax(predict(11))]).toEqual([...probabilities]);
    places.forEach((_, i) => {
      const own = probabilities.slice(i * unigram.vocabularySize, (i + 1) * unigram.vocabularySize);
      const [first, second] = filled!.masks[i]!;
      expect(first!.id).toBe(own.indexOf(Math.max(...own)));
      expect(first!.probability).toBeCloseTo(Math.max(...own), 6);
      expect(second!.probability).toBeLessThanOrEqual(first!.probability);
    });
  });

  it.each(["bert", "xlnet"])("%s gives the same alone as in a batch of other lengths", (family) => {
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

  it("says what does not fit", () => {
    const model = bert(wordPiece);
    const fill = (text: string, options = {}) => fillMasks({ model, tokenizer: wordPiece }, [text], options);
    expect(() => fill("Call me Ishmael.")).toThrow(
      'the text has no mask: write [MASK] where a token is missing, as in "Call me [MASK]."',
    );
    expect(() => fill("Call me [MASK].", { topK: 0 })).toThrow("top-k must be a whole number from 1");
    const long = "never ".repeat(30);
    const pieces = wordPiece.encode(`${long}[MASK]`).length;
    expect(() => fill(`${long}[MASK]`)).toThrow(
      `the text has ${pieces} tokens with its markers, but the model takes 24: shorten it`,
    );
    // Its positions begin behind padding's.
    const behindPadding = bert(roberta, { paddingToken: 1, numTokenTypes: 1 });
    const tokens = 2 + roberta.encode(`${long}<mask>`).length;
    expect(() => fillMasks({ model: behindPadding, tokenizer: roberta }, [`${long}<mask>`])).toThrow(
      `the text has ${tokens} tokens with its markers, but the model takes 22: shorten it`,
    );
    const fits = "<mask>".repeat(20);
    expect(fillMasks({ model: behindPadding, tokenizer: roberta }, [fits])[0]!.masks).toHaveLength(20);
    expect(() => fillMasks({ model: behindPadding, tokenizer: roberta }, [`${fits}<mask>`])).toThrow("has 23 tokens");
    const headless = bert(wordPiece, { heads: { pooler: true, languageModel: false, pair: false } });
    expect(() => fillMasks({ model: headless, tokenizer: wordPiece }, ["[MASK]"])).toThrow("heads.languageModel");
  });
});
