/**
 * All parsers: each has a name, inputs (an arbitrary of bytes) and a function that reads one. Groups are imported when they are
 * needed, since those of checkpoints bring TensorFlow.js.
 */
const groups = {
  texts: async () => (await import("./texts.mjs")).textParsers,
  datasets: async () => (await import("./datasets.mjs")).datasetParsers,
  tokenizers: async () => (await import("./tokenizers.mjs")).tokenizerParsers,
  checkpoints: async () => (await import("./checkpoints.mjs")).checkpointParsers,
  configurations: async () => (await import("./configurations.mjs")).configurationParsers,
};

/** Names of all parsers, each with its group. */
export async function listParsers() {
  const lists = Object.entries(groups).map(async ([group, load]) =>
    (await load()).map(({ name }) => ({ name, group })),
  );
  return (await Promise.all(lists)).flat();
}

/** One of them. */
export const loadParser = async ({ name, group }) => (await groups[group]()).find((parser) => parser.name === name);
