/**
 * Opens a checkpoint to use its weights: where they are adapters, they are merged into those of their base. A checkpoint of
 * adapters alone says which base it was trained for; an adapter in PEFT's format is used with the base that the caller names.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createModel, familyOf, type ModelConfig, modelConfigSchema, type TaskHeadConfig } from "@megatron-ts/model";
import { shapeOnly } from "@megatron-ts/parallel";
import { userError } from "../errors.ts";
import { loadLatestCheckpoint } from "../latest-checkpoint.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "../load-checkpoint.ts";
import { manifestFile } from "../manifest.ts";
import { modelConfigOf } from "../model-checkpoint.ts";
import { latestCheckpoint } from "../run-directory.ts";
import { modulesOf } from "./adapted-modules.ts";
import { mergeAdapter } from "./merge-adapter.ts";
import { type AdapterDirectory, hasAdapter, openAdapterDirectory, readAdapter } from "./read-adapter.ts";

/** Identifies the weights of a checkpoint by their files, or by those that they were in first. */
export function weightsFingerprint({ manifest, base }: LoadedCheckpoint): string {
  if (manifest.weightsFingerprint !== undefined && base === undefined) return manifest.weightsFingerprint;
  const used = new Set(manifest.groups.weights.tensors.flatMap(({ slices }) => slices.map(({ file }) => file)));
  const digests = manifest.files.filter(({ name }) => used.has(name)).map(({ sha256 }) => sha256);
  return createHash("sha256")
    .update([...digests.sort(), base ?? ""].join("\n"))
    .digest("hex");
}

/** The fingerprint of the weights that the adapters of a checkpoint were trained for; undefined without adapters. */
export const adapterBaseOf = ({ directory }: LoadedCheckpoint): string | undefined =>
  hasAdapter(directory) ? openAdapterDirectory(directory).fingerprint : undefined;

/**
 * Opens the checkpoint that a path refers to, see `loadLatestCheckpoint`, with adapters merged. The caller closes it.
 * @param options.adapter a run, checkpoint or directory in PEFT's format with an adapter for it
 * @throws CheckpointError in one line for an adapter for another base
 */
export function openModelCheckpoint(path: string, { adapter }: { adapter?: string } = {}): LoadedCheckpoint {
  const checkpoint = loadLatestCheckpoint(path);
  if (adapter !== undefined) return withAdapter(resolveAdapter(checkpoint), openAdapterDirectory(adapterAt(adapter)));
  return resolveAdapter(checkpoint);
}

/** A checkpoint of adapters with those merged into their base; any other as it is. */
function resolveAdapter(checkpoint: LoadedCheckpoint): LoadedCheckpoint {
  if (!hasAdapter(checkpoint.directory)) return checkpoint;
  try {
    const opened = openAdapterDirectory(checkpoint.directory);
    const from = opened.json.base_model_name_or_path;
    if (!from || !existsSync(from)) {
      const missing = from ? `${from}, which does not exist` : "a base that it does not name";
      throw userError(`${checkpoint.directory} is an adapter for ${missing}: give the base and --adapter`);
    }
    return withAdapter(openModelCheckpoint(from), opened);
  } finally {
    checkpoint.close();
  }
}

/**
 * The directory with an adapter that a path refers to: the newest checkpoint of a run, or the path itself.
 * @throws CheckpointError if there is none
 */
export function adapterAt(path: string): string {
  const directory = latestCheckpoint(path)?.directory ?? path;
  if (hasAdapter(directory)) return directory;
  throw userError(`${path}: expected a run or a directory with an adapter (adapter_config.json)`);
}

/** Consumes the base. */
function withAdapter(base: LoadedCheckpoint, opened: AdapterDirectory): LoadedCheckpoint {
  let own: LoadedCheckpoint | null = null;
  try {
    if (existsSync(`${opened.directory}/${manifestFile}`)) own = loadCheckpoint(opened.directory);
    checkBase(opened, base);
    const config = own ? modelConfigOf(own) : adaptedConfig(modelConfigOf(base), opened);
    const { parameters } = createModel(config, { weights: { source: shapeOnly } });
    const weights = new Map([...parameters.values()].map(({ name, globalShape }) => [name, globalShape]));
    const merged = mergeAdapter(base.weights, readAdapter(opened, { config, weights }));
    const ownFiles = own;
    const names = new Set(ownFiles?.manifest.files.map(({ name }) => name));
    return {
      directory: opened.directory,
      base: weightsFingerprint(base),
      manifest: {
        ...base.manifest,
        ...(own && { step: own.manifest.step, tokenizerFingerprint: own.manifest.tokenizerFingerprint }),
        model: { ...config },
        files: [...(own?.manifest.files ?? []), ...base.manifest.files.filter(({ name }) => !names.has(name))],
      },
      weights: merged,
      optimizer: undefined,
      readFile: (name) => (ownFiles && names.has(name) ? ownFiles : base).readFile(name),
      close() {
        base.close();
        ownFiles?.close();
      },
    };
  } catch (error) {
    base.close();
    own?.close();
    throw error;
  }
}

/** Throws a CheckpointError for an adapter that says that it is for another base. */
export function checkBase({ directory, fingerprint, json }: AdapterDirectory, base: LoadedCheckpoint): void {
  if (fingerprint === undefined || fingerprint === weightsFingerprint(base)) return;
  throw userError(
    `${directory} is an adapter for another base (${json.base_model_name_or_path}), not for ${base.directory}`,
  );
}

/** The model of a base with the head that an adapter brings along, whose labels have numbers. */
export function adaptedConfig(config: ModelConfig, { shapes }: AdapterDirectory): ModelConfig {
  const { withTask } = familyOf(config);
  if ("task" in config && config.task) return config;
  const isForeign = (candidate: ModelConfig) => {
    const modules = modulesOf(candidate);
    const { parameters } = createModel(candidate, { weights: { source: shapeOnly } });
    const heads = [...parameters.values()].filter(({ name }) => name.startsWith("taskHead."));
    return heads.every(({ name, globalShape }) => {
      const found = shapes.get(`base_model.model.${modules.nameOf(name)}`);
      return found?.join() === globalShape.join();
    });
  };
  const [rows] = [...shapes].flatMap(([name, shape]) =>
    /\.(classifier|score|out_proj)\.weight$/.test(name) ? [shape[0]!] : [],
  );
  const labels = Array.from({ length: rows ?? 0 }, (_, label) => `LABEL_${label}`);
  const heads: TaskHeadConfig[] = [
    ...(labels.length > 0
      ? [{ kind: "sequence-classification", labels } as const, { kind: "token-classification", labels } as const]
      : []),
    { kind: "question-answering" },
  ];
  const candidates = heads.map((head) => modelConfigSchema.parse(withTask(config, head)));
  return candidates.find(isForeign) ?? config;
}
