/**
 * GPT-2's weights in Hugging Face's format: our name -> theirs. Theirs are [in, out] where ours are [out, in], and
 * query, key and value lie side by side in one weight.
 */
import type { TaskHeadConfig } from "../../../heads/configuration.ts";
import type { ForeignWeight } from "../../../hugging-face/format.ts";
import { classifierNames } from "./classifier.ts";

const attentionParts = ["query", "key", "value"].flatMap((name, index): [string, ForeignWeight][] => [
  [`attention.${name}.weight`, { name: "attn.c_attn.weight", transposed: true, part: { index, count: 3 } }],
  [`attention.${name}.bias`, { name: "attn.c_attn.bias", part: { index, count: 3 } }],
]);

const layer: [string, ForeignWeight][] = [
  ["attentionNorm.weight", { name: "ln_1.weight" }],
  ["attentionNorm.bias", { name: "ln_1.bias" }],
  ...attentionParts,
  ["attention.output.weight", { name: "attn.c_proj.weight", transposed: true }],
  ["attention.output.bias", { name: "attn.c_proj.bias" }],
  ["feedForwardNorm.weight", { name: "ln_2.weight" }],
  ["feedForwardNorm.bias", { name: "ln_2.bias" }],
  ["feedForward.input.weight", { name: "mlp.c_fc.weight", transposed: true }],
  ["feedForward.input.bias", { name: "mlp.c_fc.bias" }],
  ["feedForward.output.weight", { name: "mlp.c_proj.weight", transposed: true }],
  ["feedForward.output.bias", { name: "mlp.c_proj.bias" }],
];

/** The map for a model of `numLayers` layers. */
export function gpt2Names({
  numLayers,
  tiedEmbeddings = true,
  task,
}: {
  numLayers: number;
  tiedEmbeddings?: boolean;
  task?: TaskHeadConfig;
}): Map<string, ForeignWeight> {
  const names = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: "transformer.wte.weight" }],
    ["positionEmbedding.weight", { name: "transformer.wpe.weight" }],
    ["finalNorm.weight", { name: "transformer.ln_f.weight" }],
    ["finalNorm.bias", { name: "transformer.ln_f.bias" }],
    ...(tiedEmbeddings ? [] : [["head.weight", { name: "lm_head.weight" }] as const]),
    ...classifierNames(task),
  ]);
  for (let index = 0; index < numLayers; index++) {
    for (const [ours, theirs] of layer) {
      names.set(`layers.${index}.${ours}`, { ...theirs, name: `transformer.h.${index}.${theirs.name}` });
    }
  }
  return names;
}
