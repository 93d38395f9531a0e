/** transformers' names of our activations. */
import type { Activation } from "@megatron-ts/ops";
import * as z from "zod";

/** An activation that has a name. */
export type NamedActivation = Exclude<Activation, "none">;

/** transformers' names of each, the one that is written first. */
const activationNames: Readonly<Record<NamedActivation, readonly [string, ...string[]]>> = {
  "gelu-erf": ["gelu", "gelu_python"],
  "gelu-tanh": ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"],
  relu: ["relu"],
  "squared-relu": ["relu2"],
  silu: ["silu", "swish"],
};

const activationOf = new Map(
  Object.entries(activationNames).flatMap(([ours, names]) => names.map((name) => [name, ours as NamedActivation])),
);

/** An activation in config.json, with the reference's default, as one of ours. */
export const activationField = z
  .enum([...activationOf.keys()] as [string, ...string[]])
  .transform((name) => activationOf.get(name)!);

/** transformers' name of an activation. */
export const activationName = (activation: NamedActivation): string => activationNames[activation][0];
