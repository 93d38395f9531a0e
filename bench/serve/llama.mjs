/** Peer: completions of several sequences together with llama.cpp through node-llama-cpp, which batches them, in PEER_LLAMA/node_modules. */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { concurrency, maxTokens, promptTokens, threads, modelPath } = JSON.parse(process.argv[2]);
const require = createRequire(join(resolve(process.env.PEER_LLAMA), "package.json"));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));

const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({ contextSize: 256, sequences: concurrency, batchSize: 512, threads });
const sequences = Array.from({ length: concurrency }, () => context.getSequence());

async function complete(sequence, index) {
  const prompt = Array.from({ length: promptTokens }, (_, i) => 1 + ((31 * index + i) % 250));
  let count = 0;
  for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true }))
    if (++count === maxTokens) break;
}
const all = () => Promise.all(sequences.map(complete));
await all();
for (const sequence of sequences) await sequence.clearHistory();
const begun = performance.now();
await all();
const seconds = (performance.now() - begun) / 1000;
process.stdout.write(`${JSON.stringify({ tokensPerSecond: (concurrency * maxTokens) / seconds })}\n`);
process.exit(0);
