/**
 * Imports a BERT in Hugging Face's format and fine-tunes it with a new classification head.
 *
 *     npm start -- path/to/bert [learning rate]    # a directory with config.json, model.safetensors and tokenizer.json
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointSource, importHuggingFace, loadCheckpoint } from "@megatron-ts/checkpoint";
import { start } from "@megatron-ts/engine";
import { createModel } from "@megatron-ts/model";
import { crossEntropy, vjp } from "@megatron-ts/ops";
import { fromSeed } from "@megatron-ts/parallel";
import { loadTokenizer } from "@megatron-ts/tokenizer/files";
import { createAdamW } from "@megatron-ts/train/step";
import * as tf from "@tensorflow/tfjs";

const examples = [
  { text: "A wonderful, moving story.", label: "positive" },
  { text: "I loved every minute of it.", label: "positive" },
  { text: "Great acting and a clever plot.", label: "positive" },
  { text: "Dull, slow and far too long.", label: "negative" },
  { text: "I wanted my money back.", label: "negative" },
  { text: "The worst film of the year.", label: "negative" },
];
const labels = ["negative", "positive"];

const [directory = "bert", learningRate = "5e-5"] = process.argv.slice(2);
await start();
const tokenizer = await loadTokenizer(directory);
const checkpointDirectory = join(mkdtempSync(join(tmpdir(), "fine-tune-bert-")), "checkpoint");
const { config } = await importHuggingFace(directory, checkpointDirectory);
if (config.family !== "bert") throw new Error(`${directory} is not a BERT but a model of family ${config.family}`);

// Weights the checkpoint lacks are the new head's: they are drawn from a seed.
const { weights, close } = loadCheckpoint(checkpointDirectory);
const pretrained = new Set(weights.names);
const [fromCheckpoint, fresh] = [checkpointSource(weights), fromSeed(1)];
const heads = { pooler: true, languageModel: false, pair: false };
const model = createModel(
  { ...config, heads, task: { kind: "sequence-classification", labels } },
  { weights: { source: (weight) => (pretrained.has(weight.name) ? fromCheckpoint(weight) : fresh(weight)) } },
);
close();

// [CLS] and [SEP] are added by the tokenizer; shorter rows are padded on the right.
const rows = examples.map(({ text }) => tokenizer.encode(text));
const lengths = rows.map(({ length }) => length);
const longest = Math.max(...lengths);
const padded = rows.flatMap((ids) => [...ids, ...new Array<number>(longest - ids.length).fill(0)]);
const tokens = tf.tensor2d(padded, [rows.length, longest], "int32");
const targets = tf.tensor1d(
  examples.map(({ label }) => labels.indexOf(label)),
  "int32",
);
const classify = () => model.taskLogits(model.forward({ tokens, lengths }).hidden); // [B, 2]

const tensors = [...model.parameters.values()].map(({ tensor }) => tensor);
const optimizer = createAdamW(model.parameters, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 });
for (let step = 1; step <= 40; step++) {
  const loss = () => tf.mean(crossEntropy(classify(), { labels: targets }));
  const { outputs, pullback } = vjp(loss, [], { parameters: tensors });
  const gradients = pullback([tf.scalar(1)]).parameters.filter((gradient) => gradient !== null);
  if (step === 1 || step % 10 === 0) console.log(`step ${step}, loss ${outputs[0]!.dataSync()[0]!.toFixed(4)}`);
  optimizer.update({ tensors: gradients, scale: 1 }, Number(learningRate));
  tf.dispose(outputs);
}

const predicted = tf.argMax(classify(), -1).dataSync();
for (const [row, { text, label }] of examples.entries()) console.log(`${labels[predicted[row]!]}  (${label})  ${text}`);
