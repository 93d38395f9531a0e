/**
 * The quickstart's first 200 steps in bf16 against f32: the largest relative difference of the loss.
 *
 *     node bench/run.mjs precision
 */
import { writeCorpus } from "../families/corpus.mjs";
import { runScript } from "../peers.mjs";

export async function run({ threads = 2, backend = "native" } = {}) {
  const corpus = await writeCorpus({ vocabularySize: 4096 });
  try {
    const losses = (precision) => {
      const options = { directory: corpus.directory, precision, threads, backend };
      return runScript(process.execPath, new URL("losses.mjs", import.meta.url), options).losses;
    };
    const [f32, bf16] = [losses("f32"), losses("bf16")];
    return [
      {
        what: "quickstart, 200 steps: largest relative difference of the loss, bf16 to f32",
        peer: "f32, ours",
        ours: bf16.at(-1),
        theirs: f32.at(-1),
        unit: "nats at the end",
        ratio: Math.max(...f32.map((loss, index) => Math.abs(bf16[index] / loss - 1))),
        atMost: 0.01,
      },
    ];
  } finally {
    corpus.remove();
  }
}
