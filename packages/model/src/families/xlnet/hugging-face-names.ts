/** XLNet's weights in Hugging Face's format: our name -> theirs, in which projections are [h, heads, headSize]. */
import { readsSummary } from "../../heads/task-head.ts";
import type { ForeignWeight } from "../../hugging-face/format.ts";
import type { XlnetConfig } from "./configuration.ts";

export function xlnetNames(config: XlnetConfig): Map<string, ForeignWeight> {
  const { numLayers, hiddenSize, languageModelHead, tiedEmbeddings, task } = config;
  const names = new Map<string, ForeignWeight>([
    ["tokenEmbedding.weight", { name: "transformer.word_embedding.weight" }],
    ["maskEmbedding.weight", { name: "transformer.mask_emb", shape: [1, 1, hiddenSize] }],
  ]);
  const both = (ours: string, theirs: string) => {
    for (const kind of ["weight", "bias"]) names.set(`${ours}.${kind}`, { name: `${theirs}.${kind}` });
  };
  if (languageModelHead) names.set("head.bias", { name: "lm_loss.bias" });
  if (languageModelHead && !tiedEmbeddings) names.set("head.weight", { name: "lm_loss.weight" });
  if (readsSummary(task)) {
    both("taskHead.dense", "sequence_summary.summary");
    both("taskHead.output", "logits_proj");
  } else if (task) {
    both("taskHead.output", task.kind === "token-classification" ? "classifier" : "qa_outputs");
  }
  for (let index = 0; index < numLayers; index++) {
    const theirs = `transformer.layer.${index}`;
    for (const [name, weight] of layerNames(config)) {
      names.set(`layers.${index}.${name}`, { ...weight, name: `${theirs}.${weight.name}` });
    }
    both(`layers.${index}.attentionNorm`, `${theirs}.rel_attn.layer_norm`);
    both(`layers.${index}.feedForward.input`, `${theirs}.ff.layer_1`);
    both(`layers.${index}.feedForward.output`, `${theirs}.ff.layer_2`);
    both(`layers.${index}.feedForwardNorm`, `${theirs}.ff.layer_norm`);
  }
  return names;
}

function layerNames({ hiddenSize, numHeads }: XlnetConfig): [string, ForeignWeight][] {
  const shape = [hiddenSize, numHeads, hiddenSize / numHeads];
  const into = (name: string): ForeignWeight => ({ name: `rel_attn.${name}`, shape, transposed: true });
  return [
    ["attention.query.weight", into("q")],
    ["attention.key.weight", into("k")],
    ["attention.value.weight", into("v")],
    ["attention.distance.weight", into("r")],
    ["attention.output.weight", { name: "rel_attn.o", shape }],
    ["attention.contentBias", { name: "rel_attn.r_w_bias" }],
    ["attention.distanceBias", { name: "rel_attn.r_r_bias" }],
    ["attention.segmentBias", { name: "rel_attn.r_s_bias" }],
    ["attention.segments", { name: "rel_attn.seg_embed" }],
  ];
}
