/**
 * Our side: a training step of sc2019's blocks, encoder and decoder, on random tokens, with the preset's window in both stacks
 * (cross-attention is dense) or dense. Prints seconds (median) and peak memory.
 */
import { start } from "@megatron-ts/engine";
import { createModel, presets } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

const { preset, numLayers, tokens, steps, threads } = JSON.parse(process.argv[2]);
await start({ backend: "native", threads });
const { numDecoderLayers: _, ...size } = presets[preset].config;
const config = { ...size, numLayers, maxPositions: tokens, vocabularySize: 4096, dropout: 0, attentionDropout: 0 };
const model = createModel(config, { weights: { seed: 1 } });
const parameters = [...model.parameters.values()].map(({ tensor }) => tensor);
const ids = tf.tensor2d(
  Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % 4096),
  [1, tokens],
  "int32",
);

function step() {
  const began = performance.now();
  tf.tidy(() => {
    const forward = () => {
      const { hidden: memory } = model.encode({ tokens: ids }, { recompute: "full" });
      return tf.mean(model.forward({ tokens: ids, memory }, { recompute: "full" }).hidden);
    };
    const { pullback } = vjp(forward, [], { parameters });
    for (const gradient of pullback([tf.scalar(1)]).parameters) gradient?.dataSync();
  });
  return (performance.now() - began) / 1000;
}
step();
const seconds = Array.from({ length: steps }, step).toSorted((a, b) => a - b)[steps >> 1];
process.stdout.write(`${JSON.stringify({ seconds, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
process.exit(0);
