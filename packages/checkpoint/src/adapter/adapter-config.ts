/** PEFT's adapter_config.json: the fields of LoRA, which of them are supported, and how a layer's rank and factor follow. */
import * as z from "zod";
import { userError } from "../errors.ts";

/** The name of the file. */
export const ADAPTER_CONFIG = "adapter_config.json";

const patterns = z.record(z.string(), z.number().gt(0)).nullish();

/** Fields that change what an adapter computes, each with the values that mean "not used". */
const unsupported: Readonly<Record<string, readonly unknown[]>> = {
  use_dora: [false],
  use_qalora: [false],
  use_bdlora: [false],
  bias: ["none"],
  lora_bias: [false],
  megatron_config: [],
  kasa_config: [],
  monteclora_config: [],
  velora_config: [],
  arrow_config: [],
  alora_invocation_tokens: [],
  trainable_token_indices: [],
  target_parameters: [],
  layer_replication: [],
  exclude_modules: [],
};

const schema = z.looseObject({
  peft_type: z.literal("LORA"),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1),
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: patterns,
  alpha_pattern: patterns,
});

/** A parsed adapter_config.json. */
export type PeftConfig = z.output<typeof schema>;

/** Parses the text of an adapter_config.json. Throws a CheckpointError for what is no LoRA or has an unsupported option. */
export function parsePeftConfig(text: string, path: string): PeftConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw userError(`${path}: is not JSON`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path: field, message } = parsed.error.issues[0]!;
    throw userError(`${path}: ${field.join(".") || "content"}: ${message}`);
  }
  const { data } = parsed;
  for (const [field, unused] of Object.entries(unsupported)) {
    const value = data[field];
    const isEmpty = value == null || (typeof value === "object" && Object.keys(value).length === 0);
    if (!isEmpty && !unused.includes(value)) {
      throw userError(`${path}: ${field}: ${JSON.stringify(value).slice(0, 60)} is not supported`);
    }
  }
  return data;
}

/** The factor of B A in the module at a path. */
export function factorOf(
  { r, lora_alpha, use_rslora, rank_pattern, alpha_pattern }: PeftConfig,
  module: string,
): number {
  const rank = matching(rank_pattern, module) ?? r;
  const alpha = matching(alpha_pattern, module) ?? lora_alpha;
  return alpha / (use_rslora ? Math.sqrt(rank) : rank);
}

/** The value of the first pattern that fits the end of a path, as PEFT finds it. */
function matching(found: Record<string, number> | null | undefined, module: string): number | undefined {
  return Object.entries(found ?? {}).find(([pattern]) => fits(pattern, module))?.[1];
}

function fits(pattern: string, module: string): boolean {
  if (pattern === module || module.endsWith(`.${pattern}`)) return true;
  try {
    return new RegExp(`^(.*\\.)?(${pattern})$`).test(module);
  } catch {
    throw userError(`${ADAPTER_CONFIG}: ${JSON.stringify(pattern)} is not a regular expression`);
  }
}
