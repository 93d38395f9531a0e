/** What the starter recipe was compared with: each variant sets some of its fields otherwise. */

/** More steps than any run here takes: the clock ends it, in the same shape. */
export const NO_END = 100_000;

const size = (numLayers, hiddenSize, numHeads) => ({
  "model.numLayers": numLayers,
  "model.hiddenSize": hiddenSize,
  "model.numHeads": numHeads,
});
const betas = (beta1, beta2) => ({ "train.optimizer.adamw.beta1": beta1, "train.optimizer.adamw.beta2": beta2 });
const batch = (batchSize) => ({ "train.batchSize": batchSize, "train.microBatchSize": batchSize });

const pairs = (rows) => ({ "model.pairEmbeddings": rows });
const long = { "data.sequenceLength": 512, "model.maxPositions": 512, ...batch(4) };

/**
 * By group: name, and the fields that it sets; null for a field's default. `cooldown` is the share of the run over which the rate decays,
 * `vocabularySize` names another corpus.
 */
export const groups = {
  fields: [
    { name: "without query-key norm", set: { "model.queryKeyNorm": false } },
    { name: "GELU", set: { "model.activation": "gelu-tanh" } },
    { name: "outputs not from zero", set: { "model.zeroInitializedOutputs": false } },
    { name: "tied head", set: { "model.tiedEmbeddings": true } },
    { name: "layer norm, with biases", set: { "model.norm": "layer", "model.biases": true } },
    { name: "learned positions", set: { "model.positions": "learned" } },
    { name: "logits capped at 15", set: { "model.logitsCap": 15 } },
    { name: "without the norm behind the embedding", set: { "model.embeddingNorm": false } },
    { name: "shortcut from the embedding", set: { "model.embeddingShortcut": true } },
    { name: "value embeddings in the outer layers", set: { "model.layersWithValueEmbeddings": [0, 3] } },
  ],
  optimizer: [
    {
      name: "AdamW, 2e-3",
      set: { "train.optimizer": { name: "adamw", learningRate: 2e-3, beta1: 0.9, beta2: 0.95, weightDecay: 0.1 } },
    },
    {
      name: "AdamW, 4e-3",
      set: { "train.optimizer": { name: "adamw", learningRate: 4e-3, beta1: 0.9, beta2: 0.95, weightDecay: 0.1 } },
    },
    { name: "Muon at 0.008", set: { "train.optimizer.learningRate": 0.008 } },
    { name: "Muon at 0.02", set: { "train.optimizer.learningRate": 0.02 } },
    {
      name: "cautious weight decay of 0.1",
      set: { "train.optimizer.weightDecay": 0.1, "train.optimizer.cautious": true },
    },
    { name: "average of the weights", set: { "train.weightAverage": { decay: 0.99 } } },
  ],
  // For `--seconds 262 --threads 2`, a quickstart's.
  real: [
    { name: "heads of 32", set: size(4, 128, 4) },
    { name: "pairs, 8,192 rows", set: pairs(8192) },
    { name: "the token before", set: { "model.tokenShift": true } },
    { name: "512 tokens, batch of 4", set: long },
    { name: "embeddings at 0.008", set: { "train.optimizer.adamw.rates": { embeddings: 0.008 } } },
    { name: "3 layers of 128", set: size(3, 128, 2) },
  ],
  shape: [
    { name: "cooldown over 40 %", cooldown: 0.4 },
    { name: "cooldown over 75 %", cooldown: 0.75 },
    { name: "cooldown over 100 %", cooldown: 0.9999 },
    { name: "betas 0.8, 0.95", set: betas(0.8, 0.95) },
    { name: "betas 0.9, 0.99", set: betas(0.9, 0.99) },
    { name: "batch of 4", set: batch(4) },
    { name: "batch of 16", set: batch(16) },
    { name: "2 layers of 128", set: size(2, 128, 2) },
    { name: "6 layers of 128", set: size(6, 128, 2) },
    { name: "4 layers of 192", set: size(4, 192, 3) },
    { name: "vocabulary of 2,048", vocabularySize: 2048 },
    { name: "vocabulary of 8,192", vocabularySize: 8192 },
  ],
};

export const baseline = { name: "the recipe" };
