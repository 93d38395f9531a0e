/** Peer: greedy decoding with llama.cpp through node-llama-cpp, installed in PEER_LLAMA/node_modules. */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { tokens, threads, modelPath } = JSON.parse(process.argv[2]);
const require = createRequire(join(resolve(process.env.PEER_LLAMA), "package.json"));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")));

const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({ contextSize: 1024, sequences: 1, threads });
const sequence = context.getSequence();

const prompt = Array.from({ length: 16 }, (_, i) => i * 31);
const times = [];
let last = performance.now();
for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
  const now = performance.now();
  times.push((now - last) / 1000);
  last = now;
  if (times.length === tokens + 8) break;
}
const seconds = times.slice(8).toSorted((a, b) => a - b)[tokens >> 1];
process.stdout.write(`${JSON.stringify({ tokensPerSecond: 1 / seconds })}\n`);
process.exit(0);
