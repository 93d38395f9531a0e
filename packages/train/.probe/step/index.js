// src/step/accumulate.ts
// src/step/gradients.ts
import { sumOfSquares, vjp } from "@megatron-ts/ops";
import * as tf2 from "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs";

function squaredNorm({ tensors, scale }, { parameters, mesh }) {
  const placed = [...parameters.values()];
  const split = tensors.filter((_, i) => placed[i].placement !== null);
  const whole = tensors.filter((_, i) => placed[i].placement === null);
  return tf.tidy(() => {
    const ofSplit = split.length > 0 ? mesh.tensor.allReduce(sumOfSquares(split)).dataSync()[0] : 0;
    const ofWhole = whole.length > 0 ? sumOfSquares(whole).dataSync()[0] : 0;
    return (ofSplit + ofWhole) * scale * scale;
  });
}
function clipByGlobalNorm(gradients, { parameters, mesh, maxNorm }) {
  const norm = Math.sqrt(squaredNorm(gradients, { parameters, mesh }));
  const factor = maxNorm === null ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
  return { clipped: { tensors: gradients.tensors, scale: gradients.scale * factor }, norm };
}
function allReduce(gradients, axis) {
  if (axis.size === 1) return gradients;
  const tensors = gradients.tensors.map((tensor) => axis.allReduce(tensor));
  tf.dispose(gradients.tensors);
  return { tensors, scale: gradients.scale };
}

// src/step/accumulate.ts
function accumulate({ model, objective }, batch, { microBatchSize, random, recompute }) {
  const parameters = [...model.parameters.values()];
  const tensors = parameters.map(({ tensor }) => tensor);
  const count = objective.count(batch);
  const single = batch.batchSize <= microBatchSize;
  let total = null;
  let lossSum = 0;
  const microBatchSquaredNorms = [];
  for (let start = 0; start < batch.batchSize; start += microBatchSize) {
    const rows = objective.slice(batch, start, Math.min(start + microBatchSize, batch.batchSize));
    const options = {
      recompute,
      random: random && { ...random, firstRow: random.firstRow + start },
    };
    const { outputs, pullback } = vjp(() => objective.lossSum(model, rows, options), [], { parameters: tensors });
    const [cotangent] = [tf2.scalar(1 / count)];
    const gradients = pullback([cotangent]).parameters.map((gradient, i) => {
      if (!gradient) throw new Error(`no gradient reached ${parameters[i].name}: is it used, and used as declared?`);
      return gradient;
    });
    lossSum += outputs[0].dataSync()[0];
    tf2.dispose([cotangent, ...outputs]);
    if (!single) {
      const share = objective.count(rows) / count;
      const own = { tensors: gradients, scale: share > 0 ? 1 / share : 0 };
      microBatchSquaredNorms.push(squaredNorm(own, model));
    }
    total = total ? addInto(total, gradients) : gradients;
  }
  return { loss: lossSum / count, gradients: { tensors: total ?? [], scale: 1 }, microBatchSquaredNorms };
}
function addInto(total, gradients) {
  return total.map((sum2, i) => {
    const next = tf2.add(sum2, gradients[i]);
    tf2.dispose([sum2, gradients[i]]);
    return next;
  });
}

// src/step/causal-objective.ts
import { causalRanges } from "@megatron-ts/attention";
import { vocabularyParallelCrossEntropy } from "@megatron-ts/parallel";
import * as tf3 from "@tensorflow/tfjs";

var causalObjective = {
  name: "causal",
  count({ labels }) {
    let count = 0;
    for (const label of labels) if (label >= 0) count++;
    return count;
  },
  slice({ sequenceLength, tokens, labels, positions, visibleFrom }, start, end) {
    const cut = (values) => values.subarray(start * sequenceLength, end * sequenceLength);
    return {
      batchSize: end - start,
      sequenceLength,
      tokens: cut(tokens),
      labels: cut(labels),
      positions: positions && cut(positions),
      visibleFrom: visibleFrom && cut(visibleFrom),
    };
  },
  lossSum(model, { batchSize, sequenceLength, visibleFrom, ...arrays }, options) {
    const shape = [batchSize, sequenceLength];
    const matrix = (values) => tf3.tensor2d(values, shape, "int32");
    return tf3.tidy(() => {
      const hidden = model.hidden(
        {
          tokens: matrix(arrays.tokens),
          positions: arrays.positions && matrix(arrays.positions),
          ranges: causalRanges({ batchSize, tokens: sequenceLength, visibleFrom }),
        },
        options,
      );
      const losses = vocabularyParallelCrossEntropy(model.logits(hidden), {
        labels: matrix(arrays.labels),
        mesh: model.mesh,
      });
      return tf3.sum(losses);
    });
  },
};

// src/step/optimizer.ts
import { adamW } from "@megatron-ts/ops";
import * as tf4 from "@tensorflow/tfjs";

function createAdamW(parameters, config, { step = 0, load } = {}) {
  const all = [...parameters.values()];
  const zeros2 = (shape) => tf4.keep(tf4.zeros([...shape]));
  const moments = new Map(
    all.map(({ name, shape }) => [name, load?.(name, shape) ?? { first: zeros2(shape), second: zeros2(shape) }]),
  );
  const weightDecays = all.map(({ decay }) => (decay ? config.weightDecay : 0));
  return {
    step,
    moments,
    update({ tensors, scale }, learningRate) {
      this.step++;
      adamW(
        {
          parameters: all.map(({ tensor }) => tensor),
          gradients: tensors,
          firstMoments: [...moments.values()].map(({ first }) => first),
          secondMoments: [...moments.values()].map(({ second }) => second),
        },
        { ...config, learningRate, weightDecays, step: this.step, gradientScale: scale },
      );
      tf4.dispose(tensors);
    },
    dispose() {
      for (const { first, second } of moments.values()) tf4.dispose([first, second]);
    },
  };
}

export { accumulate, allReduce, causalObjective, clipByGlobalNorm, createAdamW, squaredNorm };
