/**
 * GPT checkpoints of Megatron-LM (iter_*\/mp_rank_XX[_YYY]/model_optim_rng.pt), of any tensor and pipeline split: the
 * configuration from their arguments, and their weights whole, under our names, as a source for a model.
 */
import type { GptConfig, ModelConfigInput } from "@megatron-ts/model";
import type { ParameterSource } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { refusal } from "../checkpoint-error.ts";
import { type MegatronWeight, megatronGptNames, renames } from "./names.ts";
import { isObject, type Pickled } from "./pickle.ts";
import { rankFiles } from "./rank-files.ts";
import { openTorchFile, type TorchFile, type TorchTensor, tensorOf } from "./torch-file.ts";

export interface MegatronCheckpoint {
  config: Extract<ModelConfigInput, { family: "gpt" }>;
  /** Updates that the checkpoint was trained for. */
  iteration: number;
  source: ParameterSource;
  close(): void;
}

/** Reads the descriptions of all ranks; tensors are read when they are asked for. */
export async function openMegatronCheckpoint(directory: string): Promise<MegatronCheckpoint> {
  const paths = rankFiles(directory);
  const open: TorchFile[] = [];
  try {
    const stages: { weights: Map<string, TorchTensor>; root: Map<Pickled, Pickled> }[][] = [];
    for (const row of paths) {
      const ranks = [];
      for (const path of row) {
        const file = await openTorchFile(path);
        open.push(file);
        const root = itemsOf(file.root);
        if (!root?.has("model")) throw refusal(`${path} holds no "model": not a checkpoint of Megatron-LM`);
        ranks.push({ root, weights: flatten(root.get("model")) });
      }
      stages.push(ranks);
    }
    const first = stages[0]![0]!.root;
    const weights = joinStages(stages.map((ranks) => ranks.map((rank) => rank.weights)));
    const config = configurationOf(first, { weights, directory });
    const version = Number(first.get("checkpoint_version") ?? 0);
    const names = megatronGptNames(config);
    const close = () => {
      for (const file of open) file.close();
    };
    const source = megatronSource({ weights, names, version, config, directory });
    return { config, iteration: Number(first.get("iteration") ?? 0), source, close };
  } catch (error) {
    for (const file of open) file.close();
    throw error;
  }
}

/** The entries of a dictionary or of an object's attributes. */
function itemsOf(value: Pickled | undefined): Map<Pickled, Pickled> | null {
  if (value instanceof Map) return value;
  if (isObject(value) && value.state instanceof Map) return value.state;
  return null;
}

/** All tensors of nested dictionaries by dotted name, under Megatron-LM's older names. */
function flatten(value: Pickled | undefined, path = ""): Map<string, TorchTensor> {
  const found = new Map<string, TorchTensor>();
  for (const [key, item] of itemsOf(value) ?? []) {
    const name = path ? `${path}.${String(key)}` : String(key);
    const tensor = tensorOf(item);
    if (tensor)
      found.set(
        renames.reduce((renamed, [from, to]) => renamed.replace(from, to), name),
        tensor,
      );
    else for (const [inner, innerTensor] of flatten(item, name)) found.set(inner, innerTensor);
  }
  return found;
}

/** The slices of every weight by tensor rank; pipeline stages number their layers from 0. */
function joinStages(stages: Map<string, TorchTensor>[][]): Map<string, TorchTensor[]> {
  const joined = new Map<string, TorchTensor[]>();
  let firstLayer = 0;
  for (const ranks of stages) {
    let layers = 0;
    for (const name of ranks[0]!.keys()) {
      const renamed = name.replace(/^layers\.(\d+)\./, (_, index: string) => {
        layers = Math.max(layers, Number(index) + 1);
        return `layers.${firstLayer + Number(index)}.`;
      });
      // The last stage repeats the embedding for its tied head; the first stage's is the one.
      if (joined.has(renamed)) continue;
      joined.set(
        renamed,
        ranks.map((rank) => rank.get(name)!),
      );
    }
    firstLayer += layers;
  }
  return joined;
}

function configurationOf(
  root: Map<Pickled, Pickled>,
  { weights, directory }: { weights: Map<string, TorchTensor[]>; directory: string },
): Extract<ModelConfigInput, { family: "gpt" }> {
  const args = itemsOf(root.get("args"));
  if (!args) throw refusal(`${directory} has no "args": its number of heads cannot be known`);
  const number = (name: string) => {
    const value = args.get(name);
    if (typeof value !== "number") throw refusal(`${directory}: its args have no number "${name}"`);
    return value;
  };
  const table = weights.get("embedding.word_embeddings.weight");
  if (!table) throw refusal(`${directory} has no word embeddings: is it a GPT?`);
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
  weights: Map<string, TorchTensor[]>;
  names: Map<string, MegatronWeight>;
  version: number;
  config: Pick<GptConfig, "hiddenSize" | "numHeads">;
  directory: string;
}): ParameterSource {
  return ({ name, globalShape }) => {
    const theirs = names.get(name);
    const slices = theirs && weights.get(theirs.name);
    if (!theirs || !slices) throw refusal(`${directory} has no ${theirs?.name ?? name}, which is our ${name}`);
    const parts = (theirs.split === null ? slices.slice(0, 1) : slices).map((slice) => {
      const tensor = tf.tensor(slice.read(), [...slice.shape]);
      if (theirs.fused === undefined) return tensor;
      return takeFused(tensor, theirs.fused, { version, headSize: config.hiddenSize / config.numHeads });
    });
    const whole = tf.tidy(() => tf.concat(parts, theirs.split ?? 0));
    tf.dispose(parts);
    if (!tf.util.arraysEqual(whole.shape, [...globalShape])) {
      throw refusal(`${directory}: ${theirs.name} gives [${whole.shape}], but ${name} must be [${globalShape}]`);
    }
    return tf.keep(whole);
  };
}

/**
 * Query, key or value of a rank's fused weight [3 n D, ...]. Version 0 lays them one after the other, [3, n, D]; version 1
 * interleaves them within a head, [n, D, 3]; from version 2 on they lie by head, [n, 3, D].
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
