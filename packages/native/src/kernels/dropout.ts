/** Dropout with a counter-based generator. Its gradient is the same kernel. */
import { FLOAT, type Kernels, type Run, taking } from "../kernel.ts";

const dropout: Run = ({ inputs: { x }, attrs: { rate, key, origin, globalShape }, backend }) => {
  backend.refuseCapture("dropout draws by the key of a step");
  const part = Float64Array.of(...x!.shape, ...origin, ...globalShape);
  return backend.output(backend.engine.dropout(backend.handleOf(x!), rate, key[0], key[1], part), x!.shape);
};

export const dropoutKernels: Kernels = taking(FLOAT, { MegatronDropout: dropout });
