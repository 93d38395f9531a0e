/** The sizes and the initialization that all task heads need. */
import type { Initializer } from "@megatron-ts/parallel";

export interface HeadSize {
  hiddenSize: number;
  /** Number of logits. */
  outputs: number;
  dropout: number;
  initializer: Initializer;
}
