/**
 * The share of a model's weights that this rank of the data axis updates. Gradients are reduced to their ranks, and updated weights
 * gathered from them, in buckets; optimizers see parts of weights like any others.
 */
import { overwrite } from "@megatron-ts/ops";
import type { Communicator, Parameter, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.ts";
import type { LoadState } from "./optimizer.ts";
import { BUCKET_VALUES } from "./reduce-gradients.ts";
import { type Piece, planShards, type ShardBucket } from "./shard-plan.ts";

/** The weights of a model, shared among the ranks of the data axis. */
export interface Shards {
  /** What this rank updates: weights, or parts [n] of them, by the names of the weights. */
  readonly parameters: Parameters;
  /** Sums gradients of all weights over the ranks: those of `parameters`, in their order. Consumes its input. */
  reduce(gradients: Gradients): Gradients;
  /** Runs an update of `parameters`, then gives every rank the weights of all. */
  update(change: () => void): void;
  /** Reads parts of an optimizer's saved state, which `load` reads whole. */
  loader(load: LoadState): LoadState;
  /** What of a weight this rank updates: elements `from` to `to` of it, as it is split over the tensor axis. */
  rangeOf(parameter: Pick<Parameter, "name">): Pick<Piece, "from" | "to">;
}

/**
 * This rank's shares of weights of any shapes, which it updates for all ranks of the axis.
 * @param options.isWhole whether the optimizer needs all of a weight at once
 */
export function createShards(
  parameters: Parameters,
  {
    axis,
    isWhole,
    bucketValues = BUCKET_VALUES,
  }: { axis: Communicator; isWhole: (parameter: Parameter) => boolean; bucketValues?: number },
): Shards {
  const all = [...parameters.values()];
  const weights = all.map((parameter) => ({ size: sizeOf(parameter.shape), whole: isWhole(parameter) }));
  const buckets = planShards(weights, { ranks: axis.size, bucketValues });
  const owned = buckets
    .flatMap((bucket) => ownPieces(bucket, axis.rank))
    .map((piece) => ({ ...piece, parameter: all[piece.index]! }));
  const isCut = ({ index, from, to }: Piece) => to - from < weights[index]!.size;
  /** The parts of cut weights, while they are updated. */
  const parts = new Map<string, tf.Tensor>();

  const parameterOf = (piece: (typeof owned)[number]): Parameter => {
    const { parameter, from, to } = piece;
    if (!isCut(piece)) return parameter;
    const shape = [to - from];
    return {
      ...declarationOf(parameter),
      ...{ shape, heldShape: shape, globalShape: shape, origin: [0] },
      get tensor() {
        const part = parts.get(parameter.name);
        if (!part) throw new Error(`a part of ${parameter.name} is only there while it is updated`);
        return part;
      },
    };
  };

  /** The values of a bucket's tensors, in its order. */
  function fill({ pieces, starts }: ShardBucket, tensorOf: (index: number) => tf.Tensor): Float32Array {
    const values = new Float32Array(starts.at(-1)!);
    let filled = 0;
    for (const { index, from, to } of pieces) {
      values.set(tensorOf(index).dataSync().subarray(from, to), filled);
      filled += to - from;
    }
    return values;
  }

  /** Writes gathered weights in place. */
  function write({ pieces }: ShardBucket, values: Float32Array): void {
    const whole = new Map<number, Float32Array>();
    let taken = 0;
    for (const { index, from, to } of pieces) {
      if (!whole.has(index)) whole.set(index, new Float32Array(weights[index]!.size));
      whole.get(index)!.set(values.subarray(taken, taken + to - from), from);
      taken += to - from;
    }
    for (const [index, numbers] of whole) overwrite(all[index]!.tensor, numbers);
  }

  return {
    parameters: new Map(owned.map((piece) => [piece.parameter.name, parameterOf(piece)])),

    reduce({ tensors, scale }) {
      const reduced = buckets.flatMap((bucket) => {
        const values = fill(bucket, (index) => tensors[index]!);
        for (const { index } of bucket.pieces) tensors[index]!.dispose();
        const own = axis.reduceSlices(values, bucket.starts);
        let taken = 0;
        return ownPieces(bucket, axis.rank).map((piece) => {
          const length = piece.to - piece.from;
          const shape = isCut(piece) ? [length] : [...all[piece.index]!.shape];
          const sum = tf.tensor(own.slice(taken, taken + length), shape, "float32");
          taken += length;
          return sum;
        });
      });
      return { tensors: reduced, scale };
    },

    update(change) {
      for (const { parameter, from, to } of owned.filter(isCut)) {
        const values = parameter.tensor.dataSync().slice(from, to);
        parts.set(parameter.name, tf.keep(tf.tensor1d(values as Float32Array)));
      }
      try {
        change();
        for (const bucket of buckets) {
          const values = new Float32Array(bucket.starts.at(-1)!);
          let filled = bucket.starts[axis.rank]!;
          for (const { index } of ownPieces(bucket, axis.rank)) {
            const { name, tensor } = all[index]!;
            const part = (parts.get(name) ?? tensor).dataSync() as Float32Array;
            values.set(part, filled);
            filled += part.length;
          }
          axis.gatherSlices(values, bucket.starts);
          write(bucket, values);
        }
      } finally {
        tf.dispose([...parts.values()]);
        parts.clear();
      }
    },

    loader: (load) => (name, part) => {
      const whole = load(name, parameters.get(part.name)!);
      const piece = owned.find(({ parameter }) => parameter.name === part.name)!;
      if (!isCut(piece)) return whole;
      const values = whole.dataSync().slice(piece.from, piece.to) as Float32Array;
      whole.dispose();
      return tf.keep(tf.tensor1d(values));
    },

    rangeOf: ({ name }) => {
      const { from, to } = owned.find(({ parameter }) => parameter.name === name)!;
      return { from, to };
    },
  };
}

/** The pieces that a rank updates. */
function ownPieces({ pieces, starts }: ShardBucket, rank: number): Piece[] {
  let first = 0;
  return pieces.filter(({ from, to }) => {
    const start = first;
    first += to - from;
    return start >= starts[rank]! && first <= starts[rank + 1]!;
  });
}

const declarationOf = ({ name, placement, initializer, decay, kind, frozen, partialGradient }: Parameter) => ({
  ...{ name, placement, initializer, decay, kind, frozen, partialGradient },
});

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
