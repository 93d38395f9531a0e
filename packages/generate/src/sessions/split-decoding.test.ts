/** Ranks that share the weights of a model, and its vocabulary, decode as one rank does, in every kind of session. */
import { start } from "@megatron-ts/engine";
import { runRankThreads } from "@megatron-ts/parallel/threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRank } from "../../../parallel/src/testing/build-rank.ts";
import { type Decoded, type DecodingCase, decodeCase } from "../testing/decoding.rank.ts";

// No number of ranks divides the vocabulary.
const sizes = { numLayers: 2, hiddenSize: 16, numHeads: 4, vocabularySize: 31 };
const gpt = { family: "gpt", ...sizes, initializerRange: 0.3, maxPositions: 24 };
const both = { family: "encoder-decoder", ...sizes, initializerRange: 0.3, maxPositions: 20 };
const llama = { ...gpt, norm: "rms", biases: false, positions: "rotary", numKeyValueHeads: 2, attentionWindow: 4 };

const cases: Record<string, DecodingCase> = {
  GPT: { config: gpt },
  "grouped queries, rotary positions and a window": { config: llama },
  "biases by distance, and a head of its own": {
    config: { ...gpt, positions: "alibi", tiedEmbeddings: false, logitsCap: 3 },
  },
  "layouts that differ by head": {
    config: { ...gpt, attention: { layout: "bigbird", blockSize: 2, perHead: true, seed: 3 } },
  },
  "an encoder-decoder": { config: both },
  T5: { config: { family: "t5", ...sizes, initializerFactor: 1.5 } },
  "a query stream": { config: both, prediction: "permutation" },
  XLNet: { config: { family: "xlnet", ...sizes, initializerRange: 0.3 } },
  "sequence parallelism": { config: gpt, sequenceParallel: true },
  "sequence parallelism of two stacks": { config: both, sequenceParallel: true },
};

const tokensOf = ({ beams }: Decoded) => beams.map((all) => all.map(({ tokens }) => tokens));

describe("a model split over the tensor axis", () => {
  let rank: Awaited<ReturnType<typeof buildRank>>;
  beforeAll(async () => {
    await start({ threads: 1 });
    rank = await buildRank(new URL("../testing/decoding.rank.ts", import.meta.url));
  });
  afterAll(() => rank.remove());

  it("decodes the tokens of one rank, on all ranks", async () => {
    const data = Object.values(cases);
    const [first, second] = (await runRankThreads({ file: rank.file, ranks: 2, data })) as Decoded[][];
    expect(second).toEqual(first);
    for (const [index, name] of Object.keys(cases).entries()) {
      const [found, alone] = [first![index]!, decodeCase(data[index]!)];
      expect(tokensOf(found), name).toEqual(tokensOf(alone));
      for (const [row, logits] of alone.logits.entries()) {
        expect(found.logits[row], name).toHaveLength(logits.length);
        const apart = logits.map((value, token) => Math.abs(value - found.logits[row]![token]!));
        expect(Math.max(...apart), name).toBeLessThan(1e-5 * Math.max(...logits.map(Math.abs)));
      }
    }
  }, 120_000);
});
