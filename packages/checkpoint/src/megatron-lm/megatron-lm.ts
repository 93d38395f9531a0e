/**
 * GPT checkpoints of Megatron-LM (iter_*\/mp_rank_XX[_YYY]/model_optim_rng.pt), of any tensor and pipeline split: the
 * configuration from their arguments, and their weights whole, under our names, as a source for a model.
 */
import type { GptConfig, ModelConfigInput } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { userError } from "../errors.ts";
import { familyOf } from "./describe.ts";
import { type MegatronWeight, megatronGptNames, renames, splitOf } from "./names.ts";
import type { Pickled } from "./pickle.ts";
import { itemsOf, openStages } from "./stages.ts";
import type { TorchTensor } from "./torch-file.ts";

export interface MegatronCheckpoint {
  config: Extract<ModelConfigInput, { family: "gpt" }>;
  /** Updates that the checkpoint was trained for. */
  iteration: number;
  source: ParameterSource;
  close(): void;
}

/** Reads the descriptions of all ranks; tensors are read when they are asked for. Throws a CheckpointError. */
export async function openMegatronCheckpoint(directory: string): Promise<MegatronCheckpoint> {
  const { root, slices, close } = await openStages(directory);
  try {
    const family = familyOf([...slices.keys()]);
    if (family !== "gpt") {
      throw userError(
        `${directory} is a ${family.toUpperCase()} of Megatron-LM: of its checkpoints, GPT's are imported`,
      );
    }
    const weights = new Map([...slices].map(([name, parts]) => [oldName(name), parts] as const));
    const config = configurationOf(root, { weights, directory });
    const names = megatronGptNames(config);
    checkNames(weights, { names, directory, tied: itemsOf(root.get("args"))?.get(untied) !== true });
    const version = Number(root.get("checkpoint_version") ?? 0);
    const source = megatronSource({ weights, names, version, config, directory });
    return { config, iteration: Number(root.get("iteration") ?? 0), source, close };
  } catch (error) {
    close();
    throw error;
  }
}

type Slices = ReadonlyMap<string, readonly TorchTensor[]>;

const oldName = (name: string) => renames.reduce((renamed, [from, to]) => renamed.replace(from, to), name);

const untied = "untie_embeddings_and_output_weights";

/** Throws a CheckpointError with a line for every missing and every extra tensor. */
function checkNames(
  weights: Slices,
  { names, directory, tied }: { names: ReadonlyMap<string, MegatronWeight>; directory: string; tied: boolean },
): void {
  const missing = [...names].filter(([, { name }]) => !weights.has(name));
  const used = new Set([...names.values()].map(({ name }) => name));
  // What newer layers keep of their own, and the last stage's copy of the embedding.
  const redundant = (name: string) => /\._extra_state$/.test(name) || (tied && name === "output_layer.weight");
  const extra = [...weights].filter(([name]) => !used.has(name) && !redundant(name));
  if (missing.length + extra.length === 0) return;
  const problems = [
    ...missing.map(([ours, { name }]) => `missing: ${name} (our ${ours})`),
    ...extra.map(([name, [first]]) => `extra: ${name} [${first!.shape}] has no place in this model`),
  ];
  throw userError(`${directory} is no GPT as it is imported:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
}

function configurationOf(
  root: ReadonlyMap<Pickled, Pickled>,
  { weights, directory }: { weights: Slices; directory: string },
): Extract<ModelConfigInput, { family: "gpt" }> {
  const args = itemsOf(root.get("args"));
  if (!args) throw userError(`${directory} has no "args": its number of heads cannot be known`);
  const number = (name: string) => {
    const value = args.get(name);
    if (typeof value !== "number") throw userError(`${directory}: its args have no number "${name}"`);
    return value;
  };
  const table = weights.get("embedding.word_embeddings.weight");
  if (!table) throw userError(`${directory} has no word embeddings: is it a GPT?`);
  return {
    family: "gpt",
    numLayers: number("num_layers"),
    hiddenSize: number("hidden_size"),
    numHeads: number("num_attention_heads"),
    feedForwardSize: number("ffn_hidden_size"),
    maxPositions: number("max_position_embeddings"),
    vocabularySize: table.reduce((rows, { shape }) => rows + shape[0]!, 0),
    normEpsilon: number("layernorm_epsilon"),
    dropout: number("hidden_dropout"),
    attentionDropout: number("attention_dropout"),
  };
}

function megatronSource({
  weights,
  names,
  version,
  config,
  directory,
}: {
  weights: Slices;
  names: Map<string, MegatronWeight>;
  version: number;
  config: Pick<GptConfig, "hiddenSize" | "numHeads">;
  directory: string;
}): ParameterSource {
  return ({ name, globalShape }) => {
    const theirs = names.get(name);
    const slices = theirs && weights.get(theirs.name);
    if (!theirs || !slices) throw userError(`${directory} has no ${theirs?.name ?? name}, which is our ${name}`);
    const split = splitOf(theirs.name);
    const parts = (split === null ? slices.slice(0, 1) : slices).map((slice) => {
      const tensor = tf.tensor(slice.read(), [...slice.shape]);
      if (theirs.fused === undefined) return tensor;
      return takeFused(tensor, theirs.fused, { version, headSize: config.hiddenSize / config.numHeads });
    });
    const whole = tf.tidy(() => tf.concat(parts, split ?? 0));
    tf.dispose(parts);
    if (!tf.util.arraysEqual(whole.shape, [...globalShape])) {
      throw userError(`${directory}: ${theirs.name} gives [${whole.shape}], but ${name} must be [${globalShape}]`);
    }
    return tf.keep(whole);
  };
}

/**
 * Query, key or value of a rank's fused weight [3 n D, ...]. Version 0 lays them one after the other, [3, n, D];
 * version 1 interleaves them within a head, [n, D, 3]; from version 2 on they lie by head, [n, 3, D].
 */
function takeFused(tensor: tf.Tensor, index: number, { version, headSize }: { version: number; headSize: number }) {
  const [rows, ...rest] = tensor.shape as [number, ...number[]];
  const heads = rows / (3 * headSize);
  const columns = rest.reduce((product, size) => product * size, 1);
  const layouts: [shape: number[], dim: number][] = [
    [[3, heads, headSize, columns], 0],
    [[heads, headSize, 3, columns], 2],
    [[heads, 3, headSize, columns], 1],
  ];
  const [shape, dim] = layouts[Math.min(Math.floor(version), 2)]!;
  const taken = tf.tidy(() => tf.reshape(tf.split(tf.reshape(tensor, shape), 3, dim)[index]!, [rows / 3, ...rest]));
  tensor.dispose();
  return taken;
}
