/**
 * Opens files of torch.save, in either of its formats: a zip archive whose `data.pkl` describes the tensors and whose other
 * entries are their storages, or, before PyTorch 1.6, a sequence of pickles followed by the storages. Tensors are read one
 * at a time. Only names on an allow-list may appear.
 */
import { closeSync } from "node:fs";
import { shown, userError } from "../errors.ts";
import type { OpenFile } from "../read-exactly.ts";
import { openRegularFile } from "../regular-file.ts";
import { isLegacyFile, openLegacyFile } from "./legacy-torch-file.ts";
import { LONGEST_PICKLE, readPickle } from "./pickle.ts";
import { referToStorage, TENSOR_GLOBALS, TORCH_DTYPES, type TorchContent } from "./torch-tensor.ts";
import { type EntryReader, listZip, openEntry, type ZipRange } from "./zip.ts";

/** What a checkpoint of Megatron-LM may name besides tensors. All of it is kept as data. */
const ALLOWED_GLOBALS: readonly string[] = [
  ...TENSOR_GLOBALS,
  ...Object.keys(TORCH_DTYPES),
  "argparse.Namespace",
  "types.SimpleNamespace",
  "pathlib.PosixPath",
  "pathlib.PurePosixPath",
  "pathlib._local.PosixPath",
  "signal.Signals",
  "_io.BytesIO",
  "_codecs.encode",
  "builtins.set",
  "__builtin__.set",
  "torch.device",
  "numpy.ndarray",
  "numpy.dtype",
  "numpy.dtypes.*",
  "numpy.core.multiarray.*",
  "numpy._core.multiarray.*",
  "megatron.model.enums.*",
  "megatron.core.enums.*",
  "megatron.core.transformer.enums.*",
  "megatron.core.rerun_state_machine.*",
  "megatron.core.optimizer.optimizer_config.*",
];

/** An open file. */
export interface TorchFile extends TorchContent {
  readonly path: string;
  close(): void;
}

/**
 * Opens a file of torch.save. The caller closes it.
 * @throws CheckpointError if it is damaged, or names what is not allowed
 */
export async function openTorchFile(path: string): Promise<TorchFile> {
  const { descriptor, size } = openRegularFile(path);
  const file = { descriptor, path };
  const close = () => closeSync(descriptor);
  try {
    const content = isLegacyFile(file, size)
      ? openLegacyFile(file, { size, allowed: ALLOWED_GLOBALS })
      : await openTorchArchive(file, { offset: 0, length: size });
    return { ...content, path, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Reads the description in a zip archive of torch.save, which may be part of a larger file.
 * @throws CheckpointError if it is damaged, or names what is not allowed
 */
export async function openTorchArchive(file: OpenFile, range: ZipRange): Promise<TorchContent> {
  const entries = await listZip(file, range);
  const pickled = [...entries.keys()].find((name) => name.endsWith("/data.pkl"));
  if (pickled === undefined) throw userError(`${file.path} was not written by torch.save: it contains no data.pkl`);
  const prefix = pickled.slice(0, -"data.pkl".length);
  const open = new Map<string, EntryReader>();

  function entryOf(name: string): EntryReader {
    const known = open.get(name);
    if (known) return known;
    const entry = entries.get(`${prefix}${name}`);
    if (!entry) throw userError(`${file.path}: storage ${shown(name)} is missing`);
    const opened = openEntry(file, entry);
    open.set(name, opened);
    return opened;
  }

  if (entries.get(`${prefix}byteorder`)) {
    const order = entryOf("byteorder");
    const text = Buffer.from(order.read(0, Math.min(order.size, 16))).toString();
    if (text !== "little") throw userError(`${file.path}: byte order ${JSON.stringify(text)} is not supported`);
  }
  const description = entryOf("data.pkl");
  if (description.size > LONGEST_PICKLE) throw userError(`${file.path}: data.pkl has ${description.size} bytes`);
  const { value } = readPickle(description.read(0, description.size), {
    allowed: ALLOWED_GLOBALS,
    source: file.path,
    persistent: referToStorage,
  });
  return {
    root: value,
    storages: {
      size: (key) => entryOf(`data/${key}`).size,
      read: (key, from, to) => entryOf(`data/${key}`).read(from, to),
    },
  };
}
