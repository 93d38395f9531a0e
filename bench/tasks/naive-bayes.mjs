/** Multinomial naive Bayes of words and bigrams, smoothed by one (Wang and Manning 2012): the baseline of text classification. */

const featuresOf = (text) => {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+|[^\s]/gu) ?? [];
  return new Set([...words, ...words.slice(1).map((word, index) => `${words[index]} ${word}`)]);
};

/** Trains on rows { text, label }, and scores others: accuracy, and the mean recall of the labels. */
export function naiveBayes(training, test) {
  const counts = new Map();
  const totals = new Map();
  const priors = new Map();
  for (const { text, label } of training) {
    priors.set(label, (priors.get(label) ?? 0) + 1);
    for (const feature of featuresOf(text)) {
      const own = counts.get(feature) ?? new Map();
      own.set(label, (own.get(label) ?? 0) + 1);
      counts.set(feature, own);
      totals.set(label, (totals.get(label) ?? 0) + 1);
    }
  }
  const labels = [...priors.keys()];
  const predict = (text) => {
    const known = [...featuresOf(text)].filter((feature) => counts.has(feature));
    const scores = labels.map((label) => {
      const total = totals.get(label) + counts.size;
      const logs = known.map((feature) => Math.log(((counts.get(feature).get(label) ?? 0) + 1) / total));
      return Math.log(priors.get(label) / training.length) + logs.reduce((sum, log) => sum + log, 0);
    });
    return labels[scores.indexOf(Math.max(...scores))];
  };
  const right = new Map();
  const all = new Map();
  for (const { text, label } of test) {
    all.set(label, (all.get(label) ?? 0) + 1);
    if (predict(text) === label) right.set(label, (right.get(label) ?? 0) + 1);
  }
  const recalls = [...all].map(([label, count]) => (right.get(label) ?? 0) / count);
  return {
    accuracy: [...right.values()].reduce((sum, count) => sum + count, 0) / test.length,
    recall: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
  };
}
