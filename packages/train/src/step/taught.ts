/** A teacher beside the model that it teaches, on the same mesh: it computes each micro-batch first, without dropout and without gradients. */
import type { Model } from "@megatron-ts/model";
import { recordLogits, withTeacher } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import { type LossAndGradients, lossAndGradients } from "./loss-and-gradients.ts";

/** A model whose logits the losses of another follow. */
export interface TeacherModel {
  model: Model;
  /** By which both sides' logits are divided before they are compared. */
  temperature: number;
  /** The share of the teacher's loss; the data's has the rest. */
  weight: number;
}

/** Runs f, whose losses follow those logits that the teacher's `loss` computes from. */
export function taught<T>({ temperature, weight }: TeacherModel, loss: () => tf.Tensor, f: () => T): T {
  const logits = recordLogits(loss);
  try {
    return withTeacher({ logits, temperature, weight }, f);
  } finally {
    tf.dispose(logits);
  }
}

/** Computes micro-batches whose losses follow a teacher's logits. */
export const lossAndGradientsTaughtBy =
  (teacher: TeacherModel): LossAndGradients =>
  (trained, rows, options) =>
    taught(
      teacher,
      () => trained.objective.lossSum(teacher.model, rows, {}),
      () => lossAndGradients(trained, rows, options),
    );
