/** Published sizes of encoders of BERT's kind, with the heads that each was pretrained with. */
import type { Preset } from "../../family.ts";
import type { BertConfigInput } from "./configuration.ts";

type BertSize = [numLayers: number, hiddenSize: number, numHeads: number];

const bert = ([numLayers, hiddenSize, numHeads]: BertSize) =>
  ({ family: "bert", numLayers, hiddenSize, numHeads, vocabularySize: 30_522, maxPositions: 512 }) as const;

/** The blocks' fused GELU is the tanh form, the head's the erf form. */
const megatronBert = (size: BertSize) =>
  ({
    ...bert(size),
    vocabularySize: 30_592,
    normPlacement: "pre",
    normEpsilon: 1e-5,
    activation: "gelu-tanh",
    headActivation: "gelu-erf",
  }) as const;

const roberta = (size: BertSize) =>
  ({
    ...bert(size),
    vocabularySize: 50_265,
    maxPositions: 514,
    paddingToken: 1,
    numTokenTypes: 1,
    normEpsilon: 1e-5,
    heads: { pooler: false, languageModel: true, pair: false },
  }) as const;

const base: BertSize = [12, 768, 12];
const large: BertSize = [24, 1024, 16];

/** BERT: Devlin et al. 2019. RoBERTa: Liu et al. 2019. Megatron: Shoeybi et al. 2019, table 7. */
export const bertPresets = {
  "bert-base": { description: "BERT base", config: bert(base), parameters: 110_106_428 },
  "bert-large": { description: "BERT large", config: bert(large), parameters: 336_226_108 },
  "roberta-base": { description: "RoBERTa base", config: roberta(base), parameters: 124_697_433 },
  "roberta-large": { description: "RoBERTa large", config: roberta(large), parameters: 355_412_057 },
  "megatron-bert-336m": {
    description: "Megatron BERT 336M",
    config: megatronBert(large),
    parameters: 336_297_858,
  },
  "megatron-bert-1.3b": {
    description: "Megatron BERT 1.3B",
    config: megatronBert([24, 2048, 32]),
    parameters: 1_280_739_202,
  },
  "megatron-bert-3.9b": {
    description: "Megatron BERT 3.9B",
    config: megatronBert([48, 2560, 40]),
    parameters: 3_869_260_674,
  },
} satisfies Record<string, Preset<BertConfigInput>>;
