/**
 * Speculative decoding with a trained model and a draft trained on the same text: tokens per second of processor and wall time, with
 * and without the draft, in turns, on one sequence. Prints medians for each number of proposals.
 *
 *     node bench/decode/speculative.mjs RUN DRAFT TEXTS.jsonl [--threads 1] [--rounds 5] [--draft-tokens 1 --draft-tokens 3 ...]
 *
 * TEXTS.jsonl has a field `text` in each line: their first words are the prompts.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { loadModel } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { decode } from "@megatron-ts/generate";
import { createTokenizer, parseTokenizerJson } from "@megatron-ts/tokenizer";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    "draft-tokens": { type: "string", multiple: true, default: ["1", "2", "3", "4", "5", "7"] },
  },
});
const [run, draftRun, texts] = positionals;
await start({ backend: "native", threads: Number(values.threads) });
const { model, checkpoint } = loadModel(run);
const { model: draft } = loadModel(draftRun);
const json = Buffer.from(checkpoint.readFile("tokenizer.json")).toString();
const tokenizer = await createTokenizer(parseTokenizerJson(json, run));
const prompts = readFileSync(texts, "utf8")
  .split("\n")
  .slice(0, 4)
  .map((line) => [...tokenizer.encode(JSON.parse(line).text, { addSpecialTokens: false })].slice(0, 32));

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Decodes the prompts one after another. Returns seconds per token of the processor and the clock, and the share accepted. */
function measure({ tokens, temperature }) {
  const counts = { proposed: 0, accepted: 0 };
  const onDraft = ({ proposed, accepted }) => {
    counts.proposed += proposed;
    counts.accepted += accepted;
  };
  const options = {
    maxTokens: 192,
    temperature,
    seed: 1,
    ...(tokens > 0 && { draft: { model: draft, tokens, onDraft } }),
  };
  let count = 0;
  const [cpu, clock] = [process.cpuUsage(), performance.now()];
  for (const prompt of prompts) for (const _ of decode(model, [prompt], options)) count++;
  const { user, system } = process.cpuUsage(cpu);
  return {
    processor: (user + system) / 1e6 / count,
    wall: (performance.now() - clock) / 1e3 / count,
    accepted: counts.accepted / Math.max(1, counts.proposed),
  };
}

const parameters = (one) => [...one.parameters.values()].reduce((sum, { tensor }) => sum + tensor.size, 0);
console.log(`${parameters(model)} parameters, and ${parameters(draft)} of the draft`);
for (const temperature of [0, 0.8]) {
  const all = [0, ...values["draft-tokens"].map(Number)];
  const results = all.map(() => []);
  for (let round = 0; round <= Number(values.rounds); round++) {
    // The first round records what the others replay.
    for (const [i, tokens] of all.entries()) {
      const result = measure({ tokens, temperature });
      if (round > 0) results[i].push(result);
    }
  }
  const of = (i, field) => median(results[i].map((result) => result[field]));
  for (const [i, tokens] of all.entries()) {
    const gain = (field) => (of(0, field) / of(i, field)).toFixed(2);
    const speeds = `${(1 / of(i, "processor")).toFixed(0)} tokens/s of processor time, ${(1 / of(i, "wall")).toFixed(0)} of the clock`;
    const beside =
      tokens === 0
        ? ""
        : `; ${gain("processor")} x and ${gain("wall")} x, ${(100 * of(i, "accepted")).toFixed(0)} % accepted`;
    console.log(`temperature ${temperature}, ${tokens === 0 ? "no draft" : `${tokens} proposals`}: ${speeds}${beside}`);
  }
}
process.exit(0);
