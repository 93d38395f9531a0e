/** A source of weights for a model of longer texts, from one for the texts that it was trained on. */
import { type LongerTable, lengthenRows } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";

/** The same weights, but for the table of positions, which grows. */
export function lengthenedSource(source: ParameterSource, table: LongerTable): ParameterSource {
  return (declaration) => {
    if (declaration.name !== table.name) return source(declaration);
    const width = declaration.globalShape[1]!;
    const shape = [table.from, width];
    const trained = source({ ...declaration, shape, heldShape: shape, globalShape: shape })!;
    const values = lengthenRows(trained.dataSync() as Float32Array, table);
    trained.dispose();
    return tf.keep(tf.tensor2d(values, [table.to, width]));
  };
}
