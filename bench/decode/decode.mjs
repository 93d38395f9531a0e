/**
 * Our side: greedy decoding of one sequence with a randomly initialized GPT-2 124M. Prints tokens per second and the bandwidth
 * at which the weights are read.
 */
import { start } from "@megatron-ts/engine";
import { decode, storeWeights } from "@megatron-ts/generate";
import { createModel, presets } from "@megatron-ts/model";

const { tokens, backend, threads, precision = "f32" } = JSON.parse(process.argv[2]);
await start({ backend, threads });
const model = createModel(presets.gpt2.config, { weights: { seed: 1 } });
storeWeights(model, precision);

const prompt = Array.from({ length: 16 }, (_, i) => i * 31);
const times = [];
let last = performance.now();
for (const _ of decode(model, [prompt], { maxTokens: tokens + 8, temperature: 0 })) {
  const now = performance.now();
  times.push((now - last) / 1000);
  last = now;
}
const seconds = times.slice(8).toSorted((a, b) => a - b)[tokens >> 1];
const weightBytes = (precision === "bf16" ? 0.5 : 1) * (4 * 12 * (12 * 768 * 768 + 13 * 768) + 4 * 50_257 * 768);
process.stdout.write(`${JSON.stringify({ tokensPerSecond: 1 / seconds, bytesPerSecond: weightBytes / seconds })}\n`);
process.exit(0);
