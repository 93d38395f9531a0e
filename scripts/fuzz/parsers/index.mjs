/**
 * All parsers: each has a name, inputs (an arbitrary of bytes) and a function that reads one. Groups are imported when they are
 * needed, since those of checkpoints bring TensorFlow.js.
 */
const groups = {
  texts: {
    names: "txt jsonl json-line csv html warc wet gzip gzip-html zstd parquet epub epub-container epub-b epub-a".split(
      " ",
    ),
    load: async () => (await import("./texts.mjs")).textParsers,
  },
  datasets: {
    names: ["idx", "sidecar", "journal"],
    load: async () => (await import("./datasets.mjs")).datasetParsers,
  },
  tokenizers: {
    names: ["tokenizer", "tokenizer-config", "sentencepiece"],
    load: async () => (await import("./tokenizers.mjs")).tokenizerParsers,
  },
  checkpoints: {
    names:
      "safetensors safetensors-header manifest pickle torch torch-legacy metadata distcp common config config-file weight-map".split(
        " ",
      ),
    load: async () => (await import("./checkpoints.mjs")).checkpointParsers,
  },
  configurations: {
    names: ["recipe-text", "recipe", "recipe-yaml"],
    load: async () => (await import("./configurations.mjs")).configurationParsers,
  },
};

/** Names of all parsers, each with its group. */
export const listParsers = () =>
  Object.entries(groups).flatMap(([group, { names }]) => names.map((name) => ({ name, group })));

/** One of them. */
export async function loadParser({ name, group }) {
  const parsers = await groups[group].load();
  const names = parsers.map((parser) => parser.name);
  if (names.join() !== groups[group].names.join()) throw new Error(`${group} has ${names}`);
  return parsers.find((parser) => parser.name === name);
}
