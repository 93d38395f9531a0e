/**
 * The ranks of a checkpoint of Megatron-LM, opened and put together: every tensor's slices under one name, the layers
 * of all pipeline stages counted through. It knows no family.
 */
import { userError } from "../errors.ts";
import { isObject, type Pickled } from "./pickle.ts";
import { rankFiles } from "./rank-files.ts";
import { openTorchFile, type TorchFile, type TorchTensor, tensorOf } from "./torch-file.ts";

export interface MegatronStages {
  /** What the first rank holds beside the weights: arguments, iteration, version. */
  root: ReadonlyMap<Pickled, Pickled>;
  split: { tensor: number; pipeline: number };
  /** The slices of each tensor by tensor rank. */
  slices: ReadonlyMap<string, readonly TorchTensor[]>;
  close(): void;
}

interface Stage {
  root: Map<Pickled, Pickled>;
  tensors: Map<string, TorchTensor>;
}

/** Reads the descriptions of all ranks; tensors are read when they are asked for. Throws a CheckpointError. */
export async function openStages(directory: string): Promise<MegatronStages> {
  const paths = rankFiles(directory);
  const open: TorchFile[] = [];
  function close() {
    for (const file of open) file.close();
  }
  try {
    const stages: Stage[][] = [];
    for (const row of paths) {
      const ranks: Stage[] = [];
      for (const path of row) {
        const file = await openTorchFile(path);
        open.push(file);
        const root = itemsOf(file.root);
        if (!root?.has("model")) throw userError(`${path} holds no "model": not a checkpoint of Megatron-LM`);
        ranks.push({ root, tensors: flatten(root.get("model")) });
      }
      stages.push(ranks);
    }
    const split = { tensor: paths[0]!.length, pipeline: paths.length };
    return { root: stages[0]![0]!.root, split, slices: join(stages, directory), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The entries of a dictionary or of an object's attributes. */
export function itemsOf(value: Pickled | undefined): Map<Pickled, Pickled> | null {
  if (value instanceof Map) return value;
  if (isObject(value) && value.state instanceof Map) return value.state;
  return null;
}

/** All tensors of nested dictionaries by dotted name. */
function flatten(value: Pickled | undefined, path = ""): Map<string, TorchTensor> {
  const found = new Map<string, TorchTensor>();
  for (const [key, item] of itemsOf(value) ?? []) {
    const name = path ? `${path}.${String(key)}` : String(key);
    const tensor = tensorOf(item);
    if (tensor) found.set(name, tensor);
    else for (const [inner, innerTensor] of flatten(item, name)) found.set(inner, innerTensor);
  }
  return found;
}

/** The last stage repeats the embedding for its tied head; the first stage's is the one. */
const repeated = /(^|\.)word_embeddings_for_head\./;

/** Pipeline stages number their layers from 0, those of either stack. */
function join(stages: Stage[][], directory: string): Map<string, TorchTensor[]> {
  const joined = new Map<string, TorchTensor[]>();
  const firstLayers = new Map<string, number>();
  stages.forEach((ranks, stage) => {
    const counts = new Map<string, number>();
    for (const name of ranks[0]!.tensors.keys()) {
      if (repeated.test(name)) continue;
      const renamed = name.replace(/^((?:.*\.)?layers\.)(\d+)\./, (_, prefix: string, index: string) => {
        counts.set(prefix, Math.max(counts.get(prefix) ?? 0, Number(index) + 1));
        return `${prefix}${(firstLayers.get(prefix) ?? 0) + Number(index)}.`;
      });
      if (joined.has(renamed)) continue;
      const slices = ranks.map(({ tensors }) => tensors.get(name));
      const lacking = slices.indexOf(undefined);
      if (lacking >= 0) throw userError(`${directory}: tensor rank ${lacking} of pipeline rank ${stage} lacks ${name}`);
      joined.set(renamed, slices as TorchTensor[]);
    }
    for (const [prefix, count] of counts) firstLayers.set(prefix, (firstLayers.get(prefix) ?? 0) + count);
  });
  return joined;
}
