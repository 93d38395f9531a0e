/**
 * A model for texts eight times as long as it was trained on, before any further training: a small BERT is trained on 64
 * tokens of the quickstart's speeches, exported, and imported for 512 in each way. Prints its loss on the same masked tokens
 * of held-out text, read 64 tokens at a time by the model as trained, and 512 by the others.
 *
 *     node bench/sparse/lengthen.mjs [seconds of training, default 120] [threads, default 2]
 */
import { join } from "node:path";
import { exportHuggingFace, importHuggingFace, loadCheckpoint, loadModel } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { classificationLosses } from "@megatron-ts/model";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { pretrain, pretrainConfigSchema } from "@megatron-ts/train";
import * as tf from "@tensorflow/tfjs";
import { quickstartText } from "../../scripts/quickstart-text.mjs";
import { writeCorpus } from "../families/corpus.mjs";

const [seconds, threads] = [Number(process.argv[2] ?? 120), Number(process.argv[3] ?? 2)];
const [TRAINED, LONG, TEXTS] = [64, 512, 60];
await start({ backend: "native", threads });
const corpus = await writeCorpus({ vocabularySize: 320 });
const at = (name) => join(corpus.directory, name);
const tokenizer = await loadTokenizer(at("tokenizer"));

const run = at("run");
await pretrain(
  pretrainConfigSchema.parse({
    model: {
      family: "bert",
      numLayers: 2,
      hiddenSize: 128,
      numHeads: 2,
      initializerRange: 0.05,
      dropout: 0,
      attentionDropout: 0,
      maxPositions: TRAINED,
      vocabularySize: tokenizer.vocabularySize,
      heads: { pooler: false, languageModel: true, pair: false },
    },
    data: { tokenizer: at("tokenizer"), train: at("training"), sequenceLength: TRAINED },
    train: {
      objective: { name: "masked" },
      optimizer: { name: "muon", learningRate: 0.02, adamw: { learningRate: 3e-3, beta2: 0.98 } },
      schedule: { name: "cosine", warmupSteps: 50, minimum: 0 },
      steps: 1_000_000,
      timeLimitMinutes: seconds / 60,
      batchSize: 16,
      microBatchSize: 16,
      evaluation: null,
      checkpoint: { every: 1_000_000 },
      log: { tensorboard: false },
    },
    run: { directory: run },
  }),
  { tokenizer },
);
const trained = loadModel(run);
const checkpoint = loadCheckpoint(trained.checkpoint.directory);
await exportHuggingFace(checkpoint, at("exported"));
checkpoint.close();

const text = quickstartText().heldOut.map((bytes) => bytes.toString("utf8"));
const ids = Int32Array.from(tokenizer.encode(text.join("\n"), { addSpecialTokens: false }).subarray(0, TEXTS * LONG));
const mask = tokenizer.specialTokens.get("[MASK]");
/** Every seventh token, more or less. */
const isMasked = ids.map((_, index) => Number((index * 2654435761) % 2 ** 32 < 2 ** 32 / 7));
const masked = ids.map((id, index) => (isMasked[index] ? mask : id));
const labels = ids.map((id, index) => (isMasked[index] ? id : -100));

/** Mean loss of the masked tokens, read `length` tokens at a time. */
function lossOf(model, length) {
  const rows = ids.length / length;
  let [sum, count] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const cut = (values) => tf.tensor2d(values.subarray(row * length, (row + 1) * length), [1, length], "int32");
    tf.tidy(() => {
      const logits = model.logits(model.forward({ tokens: cut(masked) }).hidden);
      sum += tf.sum(classificationLosses(logits, { labels: cut(labels) })).dataSync()[0];
    });
  }
  for (const label of labels) if (label >= 0) count++;
  return sum / count;
}

const report = [["as trained", lossOf(trained.model, TRAINED)]];
for (const method of ["tile", "interpolate"]) {
  const directory = at(method);
  await importHuggingFace(at("exported"), directory, { lengthen: { maxPositions: LONG, method } });
  const { model, checkpoint: opened } = loadModel(directory);
  const window = model.config.attention ? `, window ${model.config.attention.window}` : ", dense";
  report.push([`${method}${window}`, lossOf(model, LONG)]);
  opened.close();
}
const [[, before]] = report;
for (const [what, loss] of report) {
  console.log(`${what.padEnd(24)} ${loss.toFixed(4)} ${(100 * (loss / before - 1)).toFixed(1).padStart(6)} %`);
}
corpus.remove();
process.exit(0);
