/** Softmax cross-entropy per token, and its gradient. */
import { ANY, type Kernels, type Run, taking } from "../kernel.ts";
import { checkSameShapes } from "./arguments.ts";

const crossEntropy: Run = ({ inputs: { logits, labels }, attrs: { smoothing }, backend }) => {
  const [rows, vocabulary] = logits!.shape as [number, number];
  checkSameShapes("crossEntropy", [logits!.shape, [...labels!.shape, vocabulary]]);
  const [x, y] = [backend.handleOf(logits!), backend.handleOf(labels!)];
  const results = backend.engine.crossEntropy(x, y, vocabulary, smoothing);
  return results.map((handle) => backend.output(handle, [rows]));
};

const crossEntropyGradient: Run = ({ inputs: { dloss, logits, labels, logSumExp }, attrs: { smoothing }, backend }) => {
  const handle = backend.engine.crossEntropyGradient(
    backend.handleOf(dloss!),
    backend.handleOf(logits!),
    backend.handleOf(labels!),
    backend.handleOf(logSumExp!),
    smoothing,
  );
  return backend.output(handle, logits!.shape);
};

export const crossEntropyKernels: Kernels = taking(ANY, {
  MegatronCrossEntropy: crossEntropy,
  MegatronCrossEntropyGradient: crossEntropyGradient,
});
