/**
 * Every family learns: trains a tiny model of each for two minutes on the quickstart's speeches and compares its loss on
 * held-out text, under its own objective, with the cross-entropy of unigram frequencies.
 *
 *     node bench/run.mjs families [--quick]
 *     MEGATRON_BENCH_SECONDS=30 (seconds of training each), MEGATRON_BENCH_FAMILIES=T5,XLNet (only these)
 */
import { runScript } from "../peers.mjs";
import { writeCorpus } from "./corpus.mjs";

const size = {
  numLayers: 2,
  hiddenSize: 128,
  // Few, wide heads: models with learned positions pick up attention to neighbours sooner.
  numHeads: 2,
  initializerRange: 0.05,
  dropout: 0,
  attentionDropout: 0,
};
// Short, so that every position is seen often: models with learned positions attend to neighbours late.
const sequenceLength = 32;
const batchSize = 16;
const learningRate = 1e-3;
const maxPositions = sequenceLength;
const heads = { pooler: false, languageModel: true, pair: false };

const cases = [
  { name: "GPT", model: { family: "gpt", maxPositions } },
  {
    name: "Llama's blocks",
    model: {
      family: "gpt",
      maxPositions,
      positions: "rotary",
      norm: "rms",
      biases: false,
      gatedFeedForward: true,
      activation: "silu",
      numKeyValueHeads: 1,
    },
  },
  {
    name: "BERT",
    model: { family: "bert", maxPositions },
    objective: { name: "masked", pairs: "next-sentence" },
  },
  {
    name: "Megatron's BERT",
    model: { family: "bert", maxPositions, normPlacement: "pre" },
    objective: { name: "masked", unit: "n-gram", pairs: "sentence-order" },
  },
  {
    name: "RoBERTa",
    model: { family: "bert", maxPositions: maxPositions + 2, paddingToken: 1, numTokenTypes: 1, heads },
  },
  { name: "XLNet", model: { family: "xlnet" } },
  // T5 has a standard deviation for each kind of weight.
  { name: "T5", model: { family: "t5", initializerRange: undefined } },
  { name: "encoder-decoder", model: { family: "encoder-decoder", maxPositions }, objective: { name: "denoising" } },
  {
    name: "sc2019",
    model: { family: "encoder-decoder", maxPositions, attentionWindow: 16, numTokenTypes: 2, pairHead: true },
    objective: {
      name: "mixed",
      parts: [
        { weight: 1, objective: { name: "masked", pairs: "next-sentence" } },
        { weight: 1, objective: { name: "permutation" } },
      ],
    },
  },
];

export async function run({ quick = false, threads = 2, backend = "native" } = {}) {
  const seconds = Number(process.env.MEGATRON_BENCH_SECONDS ?? (quick ? 10 : 120));
  const only = process.env.MEGATRON_BENCH_FAMILIES?.split(",");
  const corpus = await writeCorpus({ vocabularySize: 2048 });
  try {
    const chosen = cases.filter(({ name }) => only?.includes(name) ?? true);
    return chosen.flatMap(({ name, model, objective }) => {
      const { step, results } = runScript(process.execPath, new URL("learn.mjs", import.meta.url), {
        directory: corpus.directory,
        name,
        model: { ...size, ...model },
        objective,
        sequenceLength,
        batchSize,
        learningRate,
        seconds,
        threads,
        backend,
      });
      return results.map(({ measure, loss, unigram }) => ({
        what: `${name} learns, ${seconds} s: cross-entropy (${measure.replace(/[ -]perplexity$/, "")})`,
        peer: "unigram frequencies",
        ours: loss,
        theirs: unigram,
        unit: "nats",
        ratio: loss / unigram,
        atMost: 0.9,
        note: `${step} steps`,
      }));
    });
  } finally {
    corpus.remove();
  }
}
