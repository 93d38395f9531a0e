/** Trains a small GPT on a text file and continues a prompt: npm start -- corpus.txt "The prompt" [steps] */
import { readFileSync } from "node:fs";
import { start } from "@megatron-ts/engine";
import { generate } from "@megatron-ts/generate";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, trainBpe } from "@megatron-ts/tokenizer";
import { accumulate, causalObjective, clipByGlobalNorm, createAdamW } from "@megatron-ts/train/step";

const [file = "corpus.txt", prompt = "The", steps = "300"] = process.argv.slice(2);
const text = readFileSync(file, "utf8");
await start(); // the fastest backend available: native, else WebAssembly
const tokenizer = await createTokenizer(await trainBpe([text], { vocabularySize: 512 }));
const ids = tokenizer.encode(text);
const [batchSize, sequenceLength] = [8, 32];
const { vocabularySize } = tokenizer;
const shape = { numLayers: 2, hiddenSize: 64, numHeads: 4, vocabularySize, maxPositions: sequenceLength };
const model = createModel({ family: "gpt", ...shape }, { weights: { seed: 1 } });
const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });

/** Random windows of the text; the labels are the tokens shifted by one. */
function randomBatch() {
  const tokens = new Int32Array(batchSize * sequenceLength);
  const labels = new Int32Array(batchSize * sequenceLength);
  for (let row = 0; row < batchSize; row++) {
    const first = Math.floor(Math.random() * (ids.length - sequenceLength - 1));
    tokens.set(ids.subarray(first, first + sequenceLength), row * sequenceLength);
    labels.set(ids.subarray(first + 1, first + sequenceLength + 1), row * sequenceLength);
  }
  return { batchSize, sequenceLength, tokens, labels };
}

let sum = 0;
for (let step = 1; step <= Number(steps); step++) {
  const { loss, gradients } = accumulate({ model, objective: causalObjective }, randomBatch(), { microBatchSize: 8 });
  const { clipped } = clipByGlobalNorm(gradients, { ...model, maxNorm: 1 });
  optimizer.update(clipped, 3e-3 * Math.min(1, step / 20));
  sum += loss;
  if (step % 20 > 0) continue;
  console.log(`step ${step}, loss ${(sum / 20).toFixed(3)}`); // the mean since the last line: batches differ
  sum = 0;
}

const maxTokens = sequenceLength - tokenizer.encode(prompt).length;
const [completion] = generate({ model, tokenizer }, [prompt], { maxTokens, temperature: 0.7, seed: 1 });
console.log(prompt + completion?.text);
