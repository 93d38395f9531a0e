/** The measurements that the loop hands to its listeners. */

/** Measurements of one update. */
export interface StepResult {
  /** Mean loss in nats. */
  loss: number;
  learningRate: number;
  /** Global norm of the gradient, before clipping. */
  gradientNorm: number;
  /** Without evaluation and saving. */
  seconds: number;
  /** Of this rank, without waiting for others. */
  ownSeconds: number;
  /** In the global batch. */
  samples: number;
  tokens: number;
  /** What the model needs, forward and backward; recomputation does not count. */
  flops: number;
}
