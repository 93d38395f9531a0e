/** Layer and RMS normalisation over the last dimension, and their gradients. */
import { FLOAT, type Kernels, type Run, sizeOf, taking } from "../kernel.ts";
import { checkSameShapes } from "./arguments.ts";

/** x, gamma and, for layer norm, beta -> y and the statistics of each row. */
const normalise: Run = ({ inputs: { x, gamma, beta }, attrs: { epsilon }, backend }) => {
  checkSameShapes("normalise", [gamma!.shape, x!.shape.slice(-1), ...(beta ? [beta.shape] : [])]);
  const rows = sizeOf(x!.shape.slice(0, -1));
  const [values, scale, shift] = [backend.handleOf(x!), backend.handleOf(gamma!), backend.handleOrNone(beta)];
  const [y, ...statistics] = backend.engine.normalise(values, scale, shift, rows, epsilon);
  return [backend.output(y!, x!.shape), ...statistics.map((handle) => backend.output(handle, [rows]))];
};

const normaliseGradient: Run = ({ inputs: { dy, x, gamma, mean, rstd }, backend }) => {
  const [dx, ...parameters] = backend.engine.normaliseGradient(
    backend.handleOf(dy!),
    backend.handleOf(x!),
    backend.handleOf(gamma!),
    backend.handleOrNone(mean),
    backend.handleOf(rstd!),
  );
  return [backend.output(dx!, x!.shape), ...parameters.map((handle) => backend.output(handle, gamma!.shape))];
};

export const normalisationKernels: Kernels = taking(FLOAT, {
  MegatronLayerNorm: normalise,
  MegatronLayerNormGradient: normaliseGradient,
  MegatronRmsNorm: normalise,
  MegatronRmsNormGradient: normaliseGradient,
});
