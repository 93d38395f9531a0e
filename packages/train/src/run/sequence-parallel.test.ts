/**
 * Runs whose ranks share the rows of sequences equal runs of one rank, dropout included, also where the ranks do not divide the rows.
 * Families besides decoders only with MEGATRON_TEST_SPLITS=1 pnpm vitest run --project train run/sequence-parallel.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { expectClose } from "../testing/reported.ts";
import { openTrainingRuns, type TrainingRuns } from "../testing/training-runs.ts";

let runs: TrainingRuns;
beforeAll(async () => {
  runs = await openTrainingRuns();
});
afterAll(() => runs.remove());

const size = "numLayers: 2, hiddenSize: 32, numHeads: 4, dropout: 0.1, attentionDropout: 0.1";
const layout = { tensor: 2 };
const shared: [string, string] = ["parallel.sequenceParallel", "true"];
/** An odd number of tokens, so that the last rank has a row of filling. */
const odd: [string, string] = ["data.sequenceLength", "15"];

describe("sequence parallel", () => {
  it("20 steps of decoders, and of an encoder with global tokens, equal those of one rank", async () => {
    const models: [name: string, model: string, overrides: [string, string][]][] = [
      ["plain", `{ family: gpt, ${size}, maxPositions: 32 }`, [odd]],
      [
        "modern",
        `{ family: gpt, ${size}, maxPositions: 32, positions: rotary, norm: rms, gatedFeedForward: true, queryKeyNorm: true, ` +
          "numKeyValueHeads: 2, embeddingShortcut: true, outputNorms: true }",
        [["train.recompute", "full"]],
      ],
      [
        "global",
        `{ family: bert, ${size}, maxPositions: 32, initializerRange: 0.3, attention: { layout: local, window: 4, globalTokens: [0] }, globalProjections: true, heads: { pooler: false, languageModel: true, pair: false } }`,
        [],
      ],
    ];
    const tasks = models.map(([name, model, overrides]) =>
      runs.task(name, model, { overrides: [...overrides, shared], layout }),
    );
    const found = await runs.threadsInTurn(tasks, 2);
    for (const [index, [name, model, overrides]] of models.entries()) {
      expectClose(found[index]!, await runs.solo(runs.task(`${name} alone`, model, { overrides })));
    }
  });

  it.skipIf(process.env.MEGATRON_TEST_SPLITS !== "1").each([
    ["bert", "bert", "{ name: masked, pairs: next-sentence }", ", maxPositions: 32"],
    ["xlnet", "xlnet", "{ name: permutation }", ""],
    ["t5", "t5", "{ name: span-corruption }", ""],
    ["encoder-decoder", "encoder-decoder", "{ name: denoising }", ", maxPositions: 32"],
  ])("20 steps of %s equal those of one rank", async (name, family, objective, rest) => {
    const heads = family === "bert" ? ", heads: { pooler: true, languageModel: true, pair: true }" : "";
    const model = `{ family: ${family}, ${size.replace(/, dropout.*/, "")}, vocabularySize: 325${rest}${heads} }`;
    const overrides: [string, string][] = [["train.objective", objective], odd];
    const alone = await runs.solo(runs.task(`${name} alone`, model, { overrides }));
    expectClose(await runs.threads(runs.task(name, model, { overrides: [...overrides, shared], layout }), 2), alone);
  });
});
