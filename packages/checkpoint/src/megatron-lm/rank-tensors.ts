/**
 * Opens the `torch` format: a file per tensor and pipeline rank (mp_rank_00_000/model_optim_rng.pt). The slices of each
 * tensor are collected under one name, with layers numbered over all pipeline stages. Knows no families.
 */
import { userError } from "../errors.ts";
import type { OpenedCheckpoint } from "./opened-checkpoint.ts";
import { itemsOf, type Pickled, textOf } from "./pickle.ts";
import { rankFiles } from "./rank-files.ts";
import { openTorchFile, type TorchFile } from "./torch-file.ts";
import { isTensor, type TorchTensor, tensorOf } from "./torch-tensor.ts";

type Tensors = Map<string, TorchTensor>;

/** A rank's file: its dictionary, and the tensors of each of its model chunks. */
interface Rank {
  root: Map<Pickled, Pickled>;
  chunks: Tensors[];
}

/**
 * Reads the descriptions of all ranks of an iteration.
 * @throws CheckpointError for a missing or damaged file, and for names that are not allowed
 */
export async function openRankTensors(directory: string): Promise<OpenedCheckpoint> {
  const paths = rankFiles(directory);
  const open: TorchFile[] = [];
  function close() {
    for (const file of open) file.close();
  }
  try {
    const stages: Rank[][] = [];
    for (const row of paths) {
      const ranks: Rank[] = [];
      for (const path of row) {
        const file = await openTorchFile(path);
        open.push(file);
        ranks.push(readRank(file));
      }
      stages.push(ranks);
    }
    const split = { tensor: paths[0]!.length, pipeline: paths.length };
    return { root: stages[0]![0]!.root, split, ...join(stages, directory), prepare: async () => {}, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** With interleaved pipeline stages a rank has several chunks of the model: "model0", "model1" and so on. */
function readRank(file: TorchFile): Rank {
  const root = itemsOf(file.root);
  const chunks: Tensors[] = [];
  if (root?.has("model")) chunks.push(flatten(root.get("model"), file));
  else for (let index = 0; root?.has(`model${index}`); index++) chunks.push(flatten(root.get(`model${index}`), file));
  if (!root || chunks.length === 0)
    throw userError(`${file.path} contains no "model": not a checkpoint of Megatron-LM`);
  return { root, chunks };
}

const DEEPEST = 64;
const MOST_ENTRIES = 4_000_000;

/** All tensors of nested dictionaries, by dotted name. */
function flatten(model: Pickled | undefined, file: TorchFile): Tensors {
  const found: Tensors = new Map();
  let entries = 0;
  function visit(value: Pickled | undefined, path: string, depth: number) {
    for (const [key, item] of itemsOf(value) ?? []) {
      if (++entries > MOST_ENTRIES || depth > DEEPEST) {
        throw userError(`${file.path}: its dictionaries are nested too deeply or contain too much`);
      }
      if (typeof key === "object") throw userError(`${file.path}: ${path || "model"} has ${textOf(key)} for a name`);
      const name = path ? `${path}.${String(key)}` : String(key);
      if (isTensor(item)) found.set(name, tensorOf(item, { storages: file.storages, source: `${file.path}: ${name}` }));
      else visit(item, name, depth + 1);
    }
  }
  visit(model, "", 0);
  return found;
}

/** Numbers layers over all stages, each of which starts from 0: first chunks of all stages, then second ones. */
function join(stages: Rank[][], directory: string): Pick<OpenedCheckpoint, "slices" | "repeated"> {
  const repeated: { name: string; slices: readonly TorchTensor[] }[] = [];
  const joined = new Map<string, TorchTensor[]>();
  const firstLayers = new Map<string, number>();
  const numChunks = Math.max(...stages.map((ranks) => ranks[0]!.chunks.length));
  for (let chunk = 0; chunk < numChunks; chunk++) {
    stages.forEach((ranks, stage) => {
      const layers = new Map<string, number>();
      for (const name of ranks[0]!.chunks[chunk]?.keys() ?? []) {
        const renamed = name.replace(/^((?:.*\.)?layers\.)(\d+)\./, (_, prefix: string, index: string) => {
          layers.set(prefix, Math.max(layers.get(prefix) ?? 0, Number(index) + 1));
          return `${prefix}${(firstLayers.get(prefix) ?? 0) + Number(index)}.`;
        });
        const slices = ranks.map(({ chunks }) => chunks[chunk]?.get(name));
        const lacking = slices.indexOf(undefined);
        if (lacking >= 0) {
          throw userError(`${directory}: tensor rank ${lacking} of pipeline rank ${stage} has no ${name}`);
        }
        if (joined.has(renamed)) repeated.push({ name: renamed, slices: slices as TorchTensor[] });
        else joined.set(renamed, slices as TorchTensor[]);
      }
      for (const [prefix, count] of layers) firstLayers.set(prefix, (firstLayers.get(prefix) ?? 0) + count);
    });
  }
  return { slices: joined, repeated };
}
