/**
 * A run's teacher: a trained model whose logits the losses follow (Hinton et al. 2015). It computes each micro-batch before the
 * student, without dropout and without gradients.
 */
import { loadModel, modelConfigOf, openModelCheckpoint, weightsFingerprint } from "@megatron-ts/checkpoint";
import { longestSequence, type Model, type ModelConfig } from "@megatron-ts/model";
import { recordLogits, withTeacher } from "@megatron-ts/ops";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import * as tf from "@tensorflow/tfjs";
import { ConfigError } from "../errors.ts";
import { bestOfFineTuning } from "../run/best-of-fine-tuning.ts";
import { type LossAndGradients, lossAndGradients } from "../step/loss-and-gradients.ts";
import type { DistillConfig } from "./configuration.ts";

/** A loaded teacher. */
export interface Teacher {
  /** Identifies its weights. */
  fingerprint: string;
  compute: LossAndGradients;
  dispose(): void;
}

/** What a teacher must have in common with its student. */
export interface TeacherFit {
  /** The student's model. */
  config: ModelConfig;
  tokenizer: Tokenizer;
  /** Tokens in the longest sample. */
  longest: number;
  /** What else keeps a model from teaching, in words; null for nothing. */
  unfit?: (teacher: ModelConfig) => string | null;
}

const refuse = (message: string) => new ConfigError([{ path: "distill.teacher", message }]);

/** Loads the teacher. Throws a ConfigError in one line for one with other outputs, and a CheckpointError. */
export function loadTeacher({ teacher: path, temperature, weight }: DistillConfig, fit: TeacherFit): Teacher {
  const { model, checkpoint } = loadModel(bestOfFineTuning(path));
  try {
    const { tokenizerFingerprint: fingerprint } = checkpoint.manifest;
    if (fingerprint !== null && fingerprint !== fit.tokenizer.fingerprint) {
      throw refuse(
        `expected a model of the student's tokenizer (${fit.tokenizer.fingerprint}); ${path} has ${fingerprint}`,
      );
    }
    checkOutputs(path, model.config, fit);
    return {
      fingerprint: weightsFingerprint(checkpoint),
      compute: taughtBy(model, { temperature, weight }),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    checkpoint.close();
  }
}

/** The model of a teacher that is not loaded. Throws a CheckpointError. */
export function teacherConfigAt({ teacher }: Pick<DistillConfig, "teacher">): ModelConfig {
  const checkpoint = openModelCheckpoint(bestOfFineTuning(teacher));
  try {
    return modelConfigOf(checkpoint);
  } finally {
    checkpoint.close();
  }
}

/** Losses and gradients that follow a model's logits, which it computes first. */
export function taughtBy(
  teacher: Model,
  { temperature, weight }: Pick<DistillConfig, "temperature" | "weight">,
): LossAndGradients {
  return (trained, rows, options) => {
    const logits = recordLogits(() => trained.objective.lossSum(teacher, rows, {}));
    try {
      return withTeacher({ logits, temperature, weight }, () => lossAndGradients(trained, rows, options));
    } finally {
      tf.dispose(logits);
    }
  };
}

/** Throws a ConfigError for a teacher that has changed since a checkpoint of the student was saved. */
export function checkSameTeacher(
  { teacher }: DistillConfig,
  { fingerprint }: Teacher,
  { saved, checkpoint }: { saved: Readonly<Record<string, string>>; checkpoint: string | null },
): void {
  if (saved[teacher] === undefined || saved[teacher] === fingerprint) return;
  throw refuse(`${teacher} has other weights than when ${checkpoint} was saved: restore it, or start a new run`);
}

const headOf = (config: ModelConfig) => ("task" in config ? config.task : undefined);

/** Throws a ConfigError for a teacher with another vocabulary, other labels, or shorter positions. */
function checkOutputs(path: string, teacher: ModelConfig, { config, longest, unfit }: TeacherFit): void {
  const [own, wanted] = [teacher, config].map(describeOutputs);
  if (own !== wanted) throw refuse(`expected a model with ${wanted}, as the student has; ${path} has ${own}`);
  const positions = longestSequence(teacher);
  if (positions < longest) throw refuse(`expected a model that reads ${longest} tokens; ${path} reads ${positions}`);
  const reason = unfit?.(teacher) ?? null;
  if (reason !== null) throw refuse(`${path}: ${reason}`);
}

function describeOutputs(config: ModelConfig): string {
  const head = headOf(config);
  if (!head) return `a vocabulary of ${config.vocabularySize} tokens`;
  const several = "multiLabel" in head && head.multiLabel ? "any of " : "";
  const labels = "labels" in head ? ` and ${several}the labels ${head.labels.join(", ")}` : "";
  return `a head for ${head.kind}${labels}`;
}
