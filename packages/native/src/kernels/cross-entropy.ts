/** Softmax cross-entropy per token, and its gradient. */
import { ANY, type Kernels, type Run, taking } from "../kernel.ts";
import { checkSameShapes } from "./arguments.ts";

const crossEntropy: Run = ({ inputs: { logits, labels }, backend }) => {
  const [rows, vocabulary] = logits!.shape as [number, number];
  checkSameShapes("crossEntropy", [logits!.shape, [...labels!.shape, vocabulary]]);
  const results = backend.engine.crossEntropy(backend.handleOf(logits!), backend.handleOf(labels!), vocabulary);
  return results.map((handle) => backend.output(handle, [rows]));
};

const crossEntropyGradient: Run = ({ inputs: { dloss, logits, labels, logSumExp }, backend }) => {
  const handle = backend.engine.crossEntropyGradient(
    backend.handleOf(dloss!),
    backend.handleOf(logits!),
    backend.handleOf(labels!),
    backend.handleOf(logSumExp!),
  );
  return backend.output(handle, logits!.shape);
};

export const crossEntropyKernels: Kernels = taking(ANY, {
  MegatronCrossEntropy: crossEntropy,
  MegatronCrossEntropyGradient: crossEntropyGradient,
});
