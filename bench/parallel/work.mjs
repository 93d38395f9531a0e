/** What is measured on each rank: training steps of a GPT on random tokens, or all-reduces. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveCheckpoint, saveInBackground, tensorEntry } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel, modelConfigSchema } from "@megatron-ts/model";
import { createMesh, shapeOnly, singleRankMesh } from "@megatron-ts/parallel";
import { stagesOf } from "@megatron-ts/train";
import {
  accumulate,
  allReduce,
  captureLossAndGradients,
  causalObjective,
  clipByGlobalNorm,
  createAdamW,
  createShards,
  findTiedWeights,
} from "@megatron-ts/train/step";
import * as tf from "@tensorflow/tfjs";

const ROUNDS = 9;

const timed = (f) => {
  const began = performance.now();
  f();
  return (performance.now() - began) / 1000;
};

/**
 * Seconds of steps without a save, of the same number while one is written in the background, and of a save that training waits for. The
 * clock of the second stops when the checkpoint is on disk, after more steps if need be, whose time is then counted at the usual pace.
 */
async function measureSaves({ model, optimizer, step, steps }) {
  const place = mkdtempSync(join(tmpdir(), "megatron-bench-save-"));
  const entries = (tensors) => [...tensors].map(([name, tensor]) => tensorEntry(name, tensor));
  const checkpoint = (name) => ({
    ...{ directory: join(place, name), step: 1, consumedSamples: 1, model: {} },
    groups: {
      weights: entries([...model.parameters.values()].map(({ name: weight, tensor }) => [weight, tensor])),
      optimizer: entries(optimizer.state),
    },
  });
  try {
    const plain = timed(() => {
      for (let i = 0; i < steps; i++) step();
    });
    let began = performance.now();
    await saveCheckpoint(checkpoint("foreground"));
    const save = (performance.now() - began) / 1000;
    began = performance.now();
    const saving = saveInBackground(checkpoint("background"));
    let count = 0;
    while (count < steps || !saving.isDone()) {
      step();
      count++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const withSave = (performance.now() - began) / 1000;
    return { save, lost: withSave - (plain * count) / steps };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Seconds that a plain copy of a buffer of `mebibytes` takes. */
export function copy({ copy: mebibytes }) {
  const [source, target] = [0, 1].map(() => new Float32Array(mebibytes * 2 ** 18).fill(1));
  return { seconds: Array.from({ length: ROUNDS }, () => timed(() => target.set(source))) };
}

export async function work(transport, options) {
  const layout = {
    tensor: 1,
    pipeline: 1,
    data: transport?.size ?? 1,
    ...(options.model && { data: 1 }),
    ...options.parallel,
  };
  const mesh = transport ? createMesh(transport, layout) : singleRankMesh;
  if (!options.allReduce) return train(mesh, { ...options, layout });
  const values = new Float32Array(options.allReduce * 2 ** 18).fill(1);
  const once = () => {
    mesh.world.barrier();
    return timed(() => mesh.world.reduce(values));
  };
  once();
  return { seconds: Array.from({ length: ROUNDS }, once) };
}

async function train(
  mesh,
  { model: config, sequenceLength, batchSize, microBatchSize, steps, threads, layout, ...options },
) {
  await start({ backend: "native", threads });
  const whole = { family: "gpt", dropout: 0, attentionDropout: 0, ...config };
  const stages = stagesOf(modelConfigSchema.parse(whole), { pipeline: layout.pipeline, virtualStages: 1 });
  const model = createModel(whole, { mesh, weights: { seed: 1 }, stages });
  const { replicas, pipeline } = mesh;
  const tied = pipeline.size > 1 ? findTiedWeights(model.parameters, pipeline) : null;
  const shards = options.distributedOptimizer
    ? createShards(model.parameters, { axis: replicas, isWhole: () => false })
    : null;
  const { parameters } = shards ?? model;
  const optimizer = createAdamW(parameters, { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 });
  const { compute } = captureLossAndGradients();
  const size = batchSize * sequenceLength;
  const tokens = Int32Array.from({ length: size + 1 }, (_, i) => (i * 7919 + ((i * i) % 101)) % config.vocabularySize);
  const batch = { batchSize, sequenceLength, tokens: tokens.slice(0, size), labels: tokens.slice(1) };
  let bytes = 0;
  const step = () => {
    const own = accumulate({ model, objective: causalObjective }, batch, { microBatchSize, compute });
    bytes = tf.memory().numBytes;
    const summed = tied ? tied.sum(own.gradients) : own.gradients;
    const reduced = shards ? shards.reduce(summed) : allReduce(summed, replicas);
    const norms = { mesh, parameters, sharded: shards !== null, isCounted: tied?.isCounted, maxNorm: 1 };
    const { clipped } = clipByGlobalNorm(reduced, norms);
    const update = () => optimizer.update(clipped, 1e-4);
    if (shards) shards.update(update);
    else update();
  };
  step();
  if (options.save) return measureSaves({ model, optimizer, step, steps });
  const seconds = Array.from({ length: steps }, () => timed(step));
  const count = [...createModel(whole, { weights: { source: shapeOnly } }).parameters.values()]
    .map(({ globalShape }) => globalShape.reduce((product, length) => product * length, 1))
    .reduce((sum, each) => sum + each, 0);
  return { tokens: size, seconds, bytes, parameters: count };
}
