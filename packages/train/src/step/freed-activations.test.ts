/** What the forward pass saves is freed as the backward pass consumes it, layer by layer. */
import { backends, start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

interface Counting {
  engine: { memory(): { inUse: number } } & Record<string, (...operands: never[]) => unknown>;
}
// TensorFlow.js's type knows nothing of what the native backend adds.
const engine = () => (tf.backend() as unknown as Counting).engine;
const missing = await backends.native.unavailableReason();

const numLayers = 6;
const [batchSize, tokens, hiddenSize] = [2, 256, 32];

describe.skipIf(missing)("saved activations", () => {
  beforeAll(async () => {
    await start({ backend: "native", threads: 1 });
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each(["none", "selective"] as const)("are freed as the backward pass consumes them, recompute %s", (recompute) => {
    const config = {
      family: "gpt",
      numLayers,
      hiddenSize,
      numHeads: 2,
      vocabularySize: 30,
      maxPositions: tokens,
    } as const;
    const model = createModel(config, { weights: { seed: 1 } });
    const ids = tf.zeros([batchSize, tokens], "int32");
    const parameters = [...model.parameters.values()].map(({ tensor }) => tensor);
    const before = engine().memory().inUse;
    const { outputs, pullback } = vjp(() => [model.forward({ tokens: ids }, { recompute }).hidden], [], { parameters });
    const saved = engine().memory().inUse - before;
    const seen: number[] = [];
    const run = engine().attentionGradient!;
    vi.spyOn(engine(), "attentionGradient").mockImplementation((...operands) => {
      seen.push(engine().memory().inUse - before);
      return run.apply(engine(), operands);
    });
    const ones = tf.onesLike(outputs[0]!);
    const gradients = pullback([ones]).parameters;
    expect(seen).toHaveLength(numLayers);
    // The norm's input and output, queries, keys, values, the attended: at least these of one layer are gone before the next.
    const layer = 6 * 4 * batchSize * tokens * hiddenSize;
    expect(saved).toBeGreaterThan(numLayers * layer);
    for (let i = 1; i < numLayers; i++) expect(seen[i - 1]! - seen[i]!).toBeGreaterThan(layer);
    tf.dispose([...gradients.filter((gradient) => gradient !== null), ...outputs, ones, ids]);
    model.dispose();
  });
});
