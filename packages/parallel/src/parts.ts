/** The parts of weights that ranks hold, of the whole weight that files hold, and back. */
import * as tf from "@tensorflow/tfjs";
import type { ExchangeOptions } from "./communicators/transport.ts";
import type { Axis, Mesh } from "./mesh.ts";

/** How a weight is split; a declared parameter says so. */
interface Split {
  readonly shape: readonly number[];
  readonly heldShape: readonly number[];
  readonly globalShape: readonly number[];
  readonly origin: readonly number[];
  readonly placement: { dimension: number; axis: Axis } | null;
}

/** This rank's part of a whole tensor, shaped like the weight. */
export function partOf(whole: tf.Tensor, declaration: Split): tf.Tensor {
  if (!declaration.placement) return whole.clone();
  const { origin, heldShape } = declaration;
  return tf.tidy(() => padded(tf.slice(whole, [...origin], [...heldShape]), declaration));
}

/** The whole of a tensor that is split like the weight, of the parts that the ranks hold; all of them call it. */
export function wholeOf(
  part: tf.Tensor,
  { placement, globalShape }: Split,
  { mesh, ...options }: { mesh: Mesh } & ExchangeOptions,
): tf.Tensor {
  if (!placement) return part.clone();
  return tf.tidy(() => {
    const gathered = mesh[placement.axis].allGather(part, placement.dimension, { ...options, wire: "f32" });
    return tf.slice(
      gathered,
      globalShape.map(() => 0),
      [...globalShape],
    );
  });
}

/** The rows of a weight that exist, which its outputs are computed from. */
export function heldPart(weight: tf.Tensor, { shape, heldShape }: Pick<Split, "shape" | "heldShape">): tf.Tensor {
  return isPadded({ shape, heldShape })
    ? tf.slice(
        weight,
        heldShape.map(() => 0),
        [...heldShape],
      )
    : weight;
}

/** Fills up the rows that exist with zeros. */
export function padded(held: tf.Tensor, { shape, heldShape }: Pick<Split, "shape" | "heldShape">): tf.Tensor {
  if (!isPadded({ shape, heldShape })) return held.clone();
  return tf.pad(
    held,
    shape.map((length, dimension): [number, number] => [0, length - heldShape[dimension]!]),
  );
}

const isPadded = ({ shape, heldShape }: Pick<Split, "shape" | "heldShape">) =>
  shape.some((length, dimension) => length !== heldShape[dimension]);
