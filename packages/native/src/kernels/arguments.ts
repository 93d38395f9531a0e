/** Checks of arguments that tfjs's ops leave to the backend, or that a direct call of a kernel can get wrong. */
import * as tf from "@tensorflow/tfjs";

/** Throws unless every entry is an integer from 0 on. */
export function checkSizes(kernel: string, sizes: readonly number[]): void {
  if (sizes.every((size) => Number.isInteger(size) && size >= 0)) return;
  throw new Error(`${kernel}: expected integers from 0 on, got [${sizes}]`);
}

/** An axis of a shape, where negative ones count from the end. Throws for any other number. */
export function axisOf(axis: number, shape: readonly number[]): number {
  return tf.util.parseAxisParam(axis, shape as number[])[0]!;
}

/** Distinct axes of a shape; all of them if none are given. Throws for one that is out of range or given twice. */
export function axesOf(kernel: string, axes: number | number[], shape: readonly number[]): number[] {
  const parsed = tf.util.parseAxisParam(axes, shape as number[]);
  if (new Set(parsed).size < parsed.length) throw new Error(`${kernel}: an axis occurs twice in [${axes}]`);
  return parsed;
}

/** Throws unless all shapes are equal. */
export function checkSameShapes(kernel: string, shapes: readonly (readonly number[])[]): void {
  for (const shape of shapes) {
    if (!tf.util.arraysEqual(shape as number[], shapes[0] as number[])) {
      throw new Error(`${kernel}: expected equal shapes, got [${shapes[0]}] and [${shape}]`);
    }
  }
}
