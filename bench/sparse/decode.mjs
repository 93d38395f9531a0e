/**
 * Our side: decoding by a rotary GPT with a window of 1,024 in every layer, after a prompt of some tokens. Prints tokens per
 * second (median) and the bytes of all tensors, the cache among them.
 */
import { start } from "@megatron-ts/engine";
import { decode } from "@megatron-ts/generate";
import { createModel } from "@megatron-ts/model";
import * as tf from "@tensorflow/tfjs";

const { prompt, tokens, threads, numLayers, hiddenSize } = JSON.parse(process.argv[2]);
await start({ backend: "native", threads });
const vocabularySize = 4096;
const model = createModel(
  {
    family: "gpt",
    ...{ numLayers, hiddenSize, numHeads: hiddenSize / 64, vocabularySize, maxPositions: prompt + tokens + 16 },
    ...{ positions: "rotary", attention: { layout: "local", window: 1024 }, dropout: 0, attentionDropout: 0 },
  },
  { weights: { seed: 1 } },
);
const ids = Array.from({ length: prompt }, (_, i) => (i * 7919) % vocabularySize);
const times = [];
let last = performance.now();
for (const _ of decode(model, [ids], { maxTokens: tokens + 8, temperature: 0 })) {
  const now = performance.now();
  times.push((now - last) / 1000);
  last = now;
}
const seconds = times.slice(8).toSorted((a, b) => a - b)[tokens >> 1];
process.stdout.write(`${JSON.stringify({ tokensPerSecond: 1 / seconds, bytes: tf.memory().numBytes })}\n`);
process.exit(0);
