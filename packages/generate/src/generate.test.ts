/** Text of every kind of model that writes. */
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, type Tokenizer, trainBpe, trainUnigram } from "@megatron-ts/tokenizer";
import { beforeAll, describe, expect, it } from "vitest";
import { decode } from "./decode.ts";
import { generate, streamText } from "./generate.ts";

const corpus = ["Our foreign policy is to be or not to be, and the policy of our people is the question of the world."];
const shape = { numLayers: 1, hiddenSize: 16, numHeads: 2 } as const;
const weights = { seed: 4 };
const sampling = { maxTokens: 12, seed: 3 };

let bpe: Tokenizer;
let unigram: Tokenizer;
let t5: Tokenizer;
beforeAll(async () => {
  await start({ backend: process.env.MEGATRON_BACKEND ?? "wasm" });
  bpe = await createTokenizer(
    await trainBpe(corpus, { vocabularySize: 300, specialTokens: ["<|endoftext|>", "[PAD]"] }),
  );
  unigram = await createTokenizer(await trainUnigram(corpus, { vocabularySize: 410, family: "xlnet" }));
  t5 = await createTokenizer(await trainUnigram(corpus, { vocabularySize: 500 }));
});

const prompt = "Our foreign policy";

/** The text of ids as they come. */
function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const decoder = tokenizer.createDecoder();
  return ids.map((id) => decoder.push(id)).join("") + decoder.flush();
}

describe("generate", () => {
  it("by XLNet goes on from the prompt, blanks between words included", () => {
    const model = createModel(
      { family: "xlnet", ...shape, vocabularySize: unigram.vocabularySize, initializerRange: 0.4 },
      { weights },
    );
    const ids = [...unigram.encode(prompt, { addSpecialTokens: false })];
    const special = new Set(unigram.specialTokens.values());
    const tokens = [...decode(model, [ids], sampling)].map(({ token }) => token);
    const [completion] = generate({ model, tokenizer: unigram }, [prompt], sampling);
    const written = tokens.filter((token) => !special.has(token));
    expect(prompt + completion!.text).toBe(streamed(unigram, [...ids, ...written]));
    expect(completion).toMatchObject({ promptTokens: ids.length, generatedTokens: 12, finished: "length" });
    // Sixty first tokens of sixty rows, some of which begin a word.
    const options = { maxTokens: 1, temperature: 3 };
    const firsts = [...decode(model, Array(60).fill(ids), options)];
    const words = generate({ model, tokenizer: unigram }, Array(60).fill(prompt), options);
    const begins = firsts.filter(({ token }) => unigram.idToToken(token)!.startsWith("▁"));
    expect(begins.length).toBeGreaterThan(0);
    for (const { row } of begins) expect(words[row]!.text).toMatch(/^ /);
  });

  it("by T5 reads a source that ends, starts from padding, shows sentinels and stops at the end", () => {
    const model = createModel(
      { family: "t5", ...shape, vocabularySize: t5.vocabularySize, initializerFactor: 2 },
      { weights },
    );
    const [end, padding] = [t5.tokenToId("</s>")!, t5.tokenToId("<pad>")!];
    const source = [...t5.encode(prompt, { addSpecialTokens: false }), end];
    const reached = { seen: false };
    for (let seed = 0; seed < 12; seed++) {
      const options = { ...sampling, seed, temperature: 2 };
      const tokens = [...decode(model, [source], { ...options, startToken: padding, stopTokens: [end] })];
      const [completion] = generate({ model, tokenizer: t5 }, [prompt], options);
      const shown = tokens.map(({ token }) => token).filter((token) => ![end, padding, 2].includes(token));
      expect(completion!.text).toBe(streamed(t5, shown));
      expect(completion!.finished).toBe(tokens.at(-1)!.finished);
      reached.seen ||= completion!.text.includes("<extra_id_");
    }
    expect(reached.seen).toBe(true);
  });

  it("by either stream of an encoder-decoder, which write differently", () => {
    const model = createModel(
      {
        family: "encoder-decoder",
        ...shape,
        vocabularySize: bpe.vocabularySize,
        maxPositions: 32,
        initializerRange: 0.4,
      },
      { weights },
    );
    const parts = { model, tokenizer: bpe };
    const texts = (["causal", "permuted"] as const).map((decoder) => {
      const pieces = [...streamText(parts, [prompt, "the"], { ...sampling, decoder })];
      const [first] = generate(parts, [prompt], { ...sampling, decoder });
      const own = pieces.filter(({ row }) => row === 0).map(({ text }) => text);
      expect(own.join("")).toBe(first!.text);
      return first!.text;
    });
    expect(texts[0]).not.toBe(texts[1]);
  });

  it("says which token a tokenizer lacks", async () => {
    const model = createModel({ family: "t5", ...shape, vocabularySize: 300 }, { weights });
    const bare = await createTokenizer(await trainBpe(corpus, { vocabularySize: 280 }));
    const write = (text: string, tokenizer = bare) => generate({ model, tokenizer }, [text], sampling);
    expect(() => write(prompt)).toThrow("the tokenizer has no padding token");
    expect(() => write("", bpe)).toThrow("the prompt is empty");
  });
});
