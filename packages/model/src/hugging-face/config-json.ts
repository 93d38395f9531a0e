/** What the readers and writers of config.json share. */
import type { Activation } from "@megatron-ts/ops";
import * as z from "zod";
import { ModelError } from "../errors.ts";
import type { HuggingFaceConfig } from "./format.ts";

/** transformers' names of our activations, the one that is written first. */
const activationNames: Readonly<Record<Exclude<Activation, "none">, readonly [string, ...string[]]>> = {
  "gelu-erf": ["gelu", "gelu_python"],
  "gelu-tanh": ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"],
  relu: ["relu"],
  silu: ["silu", "swish"],
};
type NamedActivation = keyof typeof activationNames;

const activationOf = new Map(
  Object.entries(activationNames).flatMap(([ours, names]) => names.map((name) => [name, ours as NamedActivation])),
);

/** `hidden_act` as one of our activations. */
export const activationField = z
  .enum([...activationOf.keys()] as [string, ...string[]])
  .transform((name) => activationOf.get(name)!);

export const activationName = (activation: NamedActivation): string => activationNames[activation][0];

/** A field with one supported value, which is also its default. */
export const only = <Value extends string | number | boolean | null>(value: Value) => z.literal(value).default(value);

/** A config.json by a schema of the fields that matter. Throws a ModelError that names the field. */
export function readConfigJson<Schema extends z.ZodType>(json: HuggingFaceConfig, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const field = path.join(".");
  throw new ModelError(`config.json: ${field}: ${message}; got ${JSON.stringify(json[String(path[0])]) ?? "nothing"}`);
}

/** The first of a config.json's `architectures`. Throws a ModelError where it is not a known one. */
export function architectureOf(
  { architectures }: HuggingFaceConfig,
  { known, unnamed }: { known: readonly string[]; unnamed: string },
): string {
  if (architectures === undefined || architectures === null) return unnamed;
  const [first] = Array.isArray(architectures) ? (architectures as unknown[]) : [architectures];
  if (typeof first === "string" && known.includes(first)) return first;
  throw new ModelError(
    `config.json: architectures: ${JSON.stringify(architectures)} is not supported; these are: ${known.join(", ")}`,
  );
}
