/** A run's teacher: a trained model whose logits the losses follow (Hinton et al. 2015), split among the ranks as the student is. */
import { loadModel, modelConfigOf, openModelCheckpoint, weightsFingerprint } from "@megatron-ts/checkpoint";
import { keepsTokensTogether, layersOfStacks, longestSequence, type ModelConfig } from "@megatron-ts/model";
import { type Mesh, singleRankMesh } from "@megatron-ts/parallel";
import type { Tokenizer } from "@megatron-ts/tokenizer";
import { ConfigError } from "../errors.ts";
import { bestOfFineTuning } from "../run/best-of-fine-tuning.ts";
import { stagesOf } from "../run/stages.ts";
import type { TeacherModel } from "../step/taught.ts";
import type { DistillConfig } from "./configuration.ts";

/** A loaded teacher. */
export interface Teacher extends TeacherModel {
  /** Identifies its weights. */
  fingerprint: string;
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
  /** The mesh of the student. Default: one rank. */
  mesh?: Mesh;
}

const refuse = (message: string) => new ConfigError([{ path: "distill.teacher", message }]);

/** Loads the teacher. Throws a ConfigError in one line for one with other outputs, and a CheckpointError. */
export function loadTeacher({ teacher: path, temperature, weight }: DistillConfig, fit: TeacherFit): Teacher {
  const { mesh = singleRankMesh } = fit;
  const shareOfStages = (config: ModelConfig) => {
    checkSplits(path, config, mesh);
    return stagesOf(config, {
      pipeline: mesh.pipeline.size,
      virtualStages: mesh.virtualStages ?? 1,
      stages: undefined,
    });
  };
  const { model, checkpoint } = loadModel(bestOfFineTuning(path), { mesh, stagesOf: shareOfStages });
  try {
    const { tokenizerFingerprint: fingerprint } = checkpoint.manifest;
    if (fingerprint !== null && fingerprint !== fit.tokenizer.fingerprint) {
      throw refuse(
        `expected a model of the student's tokenizer (${fit.tokenizer.fingerprint}); ${path} has ${fingerprint}`,
      );
    }
    checkOutputs(path, model.config, fit);
    return {
      ...{ model, temperature, weight },
      fingerprint: weightsFingerprint(checkpoint),
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

/** Throws a ConfigError for a teacher that cannot be split as the student is. */
function checkSplits(path: string, config: ModelConfig, { tensor, pipeline, context, virtualStages = 1 }: Mesh): void {
  const heads = "numKeyValueHeads" in config ? (config.numKeyValueHeads ?? config.numHeads) : config.numHeads;
  if (heads % tensor.size !== 0)
    throw refuse(`expected a model whose heads parallel.tensor (${tensor.size}) divides; ${path} has ${heads}`);
  const layers = layersOfStacks(config).reduce((sum, count) => sum + count, 0);
  const stages = pipeline.size * virtualStages;
  if (layers < stages)
    throw refuse(`expected a model with a layer for each of ${stages} stages; ${path} has ${layers}`);
  const together = context.size > 1 && keepsTokensTogether(config);
  if (together) throw refuse(`expected parallel.context 1 for ${together}, such as ${path}; got ${context.size}`);
}

function describeOutputs(config: ModelConfig): string {
  const head = headOf(config);
  if (!head) return `a vocabulary of ${config.vocabularySize} tokens`;
  const several = "multiLabel" in head && head.multiLabel ? "any of " : "";
  const labels = "labels" in head ? ` and ${several}the labels ${head.labels.join(", ")}` : "";
  return `a head for ${head.kind}${labels}`;
}
