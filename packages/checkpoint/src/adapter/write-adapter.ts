/**
 * Writes LoRA adapters in PEFT's format: adapter_config.json and adapter_model.safetensors, which transformers and others
 * load beside the base model in Hugging Face's format.
 */
import { ADAPTER_WEIGHTS, isAdapterWeight, type ModelConfig } from "@megatron-ts/model";
import type { AdapterConfig } from "@megatron-ts/parallel";
import { encodeHeader } from "../safetensors-header.ts";
import { bytesOf } from "../stored-floats.ts";
import type { TensorEntry } from "../tensor-entry.ts";
import { type ModulePart, modulesOf } from "./adapted-modules.ts";
import { ADAPTER_CONFIG } from "./adapter-config.ts";

/** The name of the file with the tensors. */
export const ADAPTER_MODEL = "adapter_model.safetensors";

/** The key of the base's fingerprint in the metadata of that file. */
export const BASE_FINGERPRINT = "base_fingerprint";

/** What an adapter belongs to. */
export interface AdapterOrigin {
  config: ModelConfig;
  adapter: AdapterConfig;
  base: { directory: string; fingerprint: string };
}

/** The names that PEFT gives a module's adapter. */
export const peftNames = (module: string): [a: string, b: string] => [
  `base_model.model.${module}.lora_A.weight`,
  `base_model.model.${module}.lora_B.weight`,
];

interface Matrix {
  rows: number;
  columns: number;
  values: Float32Array;
}

/** Our layer's adapter, and the part of a module that it is. */
interface Piece {
  part: ModulePart;
  a: Matrix;
  b: Matrix;
}

/**
 * The two files, by name.
 * @param weights float32: the adapters, and other weights that were trained, such as those of a head
 */
export function peftFiles(
  weights: readonly TensorEntry[],
  { config, adapter, base }: AdapterOrigin,
): Record<string, Uint8Array> {
  const modules = modulesOf(config);
  const byName = new Map(weights.map((entry) => [entry.name, entry]));
  const pieces = new Map<string, Piece[]>();
  for (const { name } of weights) {
    const layer = new RegExp(`^(.*)\\.${ADAPTER_WEIGHTS[0]}$`).exec(name)?.[1];
    if (layer === undefined) continue;
    const [a, b] = ADAPTER_WEIGHTS.map((weight) => matrixOf(byName.get(`${layer}.${weight}`)!)) as [Matrix, Matrix];
    const part = modules.partOf(layer, [b.rows, a.columns]);
    pieces.set(part.module, [...(pieces.get(part.module) ?? []), { part, a, b }]);
  }
  const joined = [...pieces].map(([module, own]) => ({ module, ...joinPieces(own) }));
  const others = weights.filter(({ name }) => !isAdapterWeight(name));
  const entries = [
    ...joined.flatMap(({ module, a, b }) => peftNames(module).map((name, i) => entryOf(name, [a, b][i]!))),
    ...others.map((entry) => ({ ...entry, name: `base_model.model.${modules.nameOf(entry.name)}` })),
  ];
  const wide = joined.filter(({ a }) => a.rows !== adapter.rank);
  const patternOf = (value: number) =>
    Object.fromEntries(wide.map(({ module, a }) => [module, (value * a.rows) / adapter.rank]));
  const json = {
    peft_type: "LORA",
    task_type: taskType(config),
    base_model_name_or_path: base.directory,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: adapter.dropout,
    target_modules: joined.map(({ module }) => module).sort(),
    modules_to_save: savedModules(
      others.map(({ name }) => modules.nameOf(name)),
      joined.map(({ module }) => module),
    ),
    rank_pattern: patternOf(adapter.rank),
    alpha_pattern: patternOf(adapter.alpha),
    bias: "none",
    fan_in_fan_out: [...pieces.values()].flat().some(({ part }) => modules.isTransposed(part.layer)),
    inference_mode: true,
  };
  return {
    [ADAPTER_CONFIG]: Buffer.from(`${JSON.stringify(json, null, 2)}\n`),
    [ADAPTER_MODEL]: encode(entries, { format: "pt", [BASE_FINGERPRINT]: base.fingerprint }),
  };
}

function matrixOf({ shape: [rows, columns], bytes }: TensorEntry): Matrix {
  const { buffer, byteOffset, byteLength } = bytes();
  return { rows: rows!, columns: columns!, values: new Float32Array(buffer, byteOffset, byteLength / 4) };
}

const entryOf = (name: string, { rows, columns, values }: Matrix): TensorEntry => ({
  name,
  dtype: "F32",
  shape: [rows, columns],
  bytes: () => bytesOf(values),
});

/** One adapter for a module that is several layers of ours: their ranks side by side, each for its own outputs or inputs. */
function joinPieces(pieces: readonly Piece[]): { a: Matrix; b: Matrix } {
  const [{ part, a, b }] = pieces as [Piece];
  if (part.slice === null) return { a, b };
  const { of, whole } = part.slice;
  const rank = pieces.reduce((sum, piece) => sum + piece.a.rows, 0);
  const inputs = of === "inputs" ? whole : a.columns;
  const outputs = of === "outputs" ? whole : b.rows;
  const joinedA = new Float32Array(rank * inputs);
  const joinedB = new Float32Array(outputs * rank);
  let done = 0;
  for (const piece of pieces) {
    const { first } = piece.part.slice!;
    const [column, row] = of === "inputs" ? [first, 0] : [0, first];
    place(piece.a, { into: joinedA, width: inputs, row: done, column });
    place(piece.b, { into: joinedB, width: rank, row, column: done });
    done += piece.a.rows;
  }
  return {
    a: { rows: rank, columns: inputs, values: joinedA },
    b: { rows: outputs, columns: rank, values: joinedB },
  };
}

function place(
  { rows, columns, values }: Matrix,
  { into, width, row, column }: { into: Float32Array; width: number; row: number; column: number },
): void {
  for (let i = 0; i < rows; i++) into.set(values.subarray(i * columns, (i + 1) * columns), (row + i) * width + column);
}

const taskTypes = {
  "sequence-classification": "SEQ_CLS",
  "multiple-choice": null,
  "token-classification": "TOKEN_CLS",
  "question-answering": "QUESTION_ANS",
  "replaced-token-detection": null,
} as const;

/** Of a model with a head for a task; PEFT needs none for others. */
const taskType = (config: ModelConfig) => ("task" in config && config.task ? taskTypes[config.task.kind] : null);

/** The modules of weights that are saved whole: by their first name, unless adapted layers lie below it too. */
function savedModules(names: readonly string[], adapted: readonly string[]): string[] | null {
  const roots = new Set(adapted.map((module) => module.split(".")[0]));
  const modules = names.map((name) => {
    const [first] = name.split(".");
    return roots.has(first) ? name.replace(/\.(weight|bias)$/, "") : first!;
  });
  return modules.length > 0 ? [...new Set(modules)].sort() : null;
}

function encode(entries: readonly TensorEntry[], metadata: Record<string, string>): Uint8Array {
  const { bytes, order } = encodeHeader(entries, metadata);
  return Buffer.concat([bytes, ...order.map((entry) => entry.bytes())]);
}
