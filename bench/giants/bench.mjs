/**
 * Real training steps of every family at about 340M parameters: its own objective on real text, full recompute, AdamW.
 * Reports the time of the second step and the peak memory of the process.
 *
 *     node bench/run.mjs giants [--quick]           (quick: 128 tokens instead of 512)
 */
import { writeCorpus } from "../families/corpus.mjs";
import { runScript } from "../peers.mjs";

const sentences = (pairs) => ({ name: "masked", pairs });
const cases = [
  { preset: "megatron-gpt-345m" },
  { preset: "bert-large", objective: sentences("next-sentence") },
  { preset: "megatron-bert-336m", objective: { ...sentences("sentence-order"), unit: "n-gram" } },
  { preset: "roberta-large" },
  { preset: "xlnet-large" },
  {
    preset: "sc2019-345m",
    model: { numTokenTypes: 2, pairHead: true },
    objective: {
      name: "mixed",
      parts: [
        { weight: 1, objective: sentences("next-sentence") },
        { weight: 1, objective: { name: "permutation" } },
      ],
    },
  },
  { preset: "t5-large" },
];

export async function run({ quick = false, threads = 2, backend = "native" } = {}) {
  const sequenceLength = quick ? 128 : 512;
  const corpus = await writeCorpus({ vocabularySize: 8192 });
  try {
    return cases.flatMap(({ preset, model, objective }) => {
      const options = { directory: corpus.directory, model: { preset, ...model }, objective, sequenceLength };
      const { parameters, seconds, peakBytes, loss } = runScript(
        process.execPath,
        new URL("giant.mjs", import.meta.url),
        { ...options, threads, backend },
      );
      const what = `${preset}, ${(parameters / 1e6).toFixed(0)}M parameters, 1 x ${sequenceLength}`;
      return [
        { what: `training step, ${what}, full recompute`, ours: seconds, unit: "s", note: `loss ${loss.toFixed(2)}` },
        { what: `peak memory, ${what}, full recompute`, ours: peakBytes / 2 ** 30, unit: "GiB" },
      ];
    });
  } finally {
    corpus.remove();
  }
}
