/** Writes a randomly initialized GPT as a checkpoint with a tokenizer of as many tokens. */
import { saveCheckpoint, weightEntries } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { createTokenizer, formatTokenizerJson, trainBpe } from "@megatron-ts/tokenizer";

const { directory, config, threads } = JSON.parse(process.argv[2]);
await start({ threads });
const json = await trainBpe(["the white whale"], { vocabularySize: 260, specialTokens: ["<|endoftext|>"] });
const { vocab } = json.model;
for (let id = Object.keys(vocab).length; id < config.vocabularySize; id++) vocab[`token${id}`] = id;
const tokenizer = await createTokenizer(json);
const model = createModel({ family: "gpt", ...config }, { weights: { seed: 1 } });
await saveCheckpoint({
  ...{ directory, step: 0, consumedSamples: 0, model: { ...model.config } },
  tokenizerFingerprint: tokenizer.fingerprint,
  groups: { weights: weightEntries(model.parameters) },
  extraFiles: { "tokenizer.json": Buffer.from(formatTokenizerJson(json)) },
});
process.stdout.write("{}\n");
process.exit(0);
