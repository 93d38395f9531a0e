/** A modified Kneser-Ney n-gram model (Chen and Goodman 1999, section 3) of token ids, interpolated down to equal probabilities. */

const keyOf = (tokens) => tokens.join(" ");
const withoutFirst = (key) => key.slice(key.indexOf(" ") + 1 || key.length);

function count(table, key, token) {
  const counts = table.get(key) ?? new Map();
  if (counts.size === 0) table.set(key, counts);
  counts.set(token, (counts.get(token) ?? 0) + 1);
}

/** For n-grams one shorter, before how many different tokens each was seen. */
function continuations(table) {
  const shorter = new Map();
  for (const [key, counts] of table) for (const token of counts.keys()) count(shorter, withoutFirst(key), token);
  return shorter;
}

/** What is taken off counts of 1, 2, and 3 or more; KenLM's fallback where too few n-grams are that rare. */
function discountsOf(table) {
  const [, n1, n2, n3, n4] = [...table.values()].reduce((found, counts) => {
    for (const times of counts.values()) if (times <= 4) found[times]++;
    return found;
  }, Array(5).fill(0));
  const share = n1 / (n1 + 2 * n2);
  const discounts = [0, 1 - 2 * share * (n2 / n1), 2 - 3 * share * (n3 / n2), 3 - 4 * share * (n4 / n3)];
  return discounts.every((discount, times) => discount >= 0 && discount <= times) ? discounts : [0, 0.5, 1, 1.5];
}

/** The n-grams of one length: what each history was followed by, how often in all, and the share that its discounts leave. */
function describe(table) {
  const discounts = discountsOf(table);
  const discount = (times) => discounts[Math.min(3, times)];
  const histories = new Map();
  for (const [key, counts] of table) {
    let [total, left] = [0, 0];
    for (const times of counts.values()) {
      total += times;
      left += discount(times);
    }
    histories.set(key, { counts, total, left: left / total });
  }
  return { histories, discount };
}

/** Returns a function from the tokens before to the probability of a token after them. `sequences`: lists of ids below `vocabularySize`. */
export function kneserNey(sequences, { order = 5, vocabularySize }) {
  const start = Array(order - 1).fill("start");
  let table = new Map();
  for (const sequence of sequences) {
    const tokens = [...start, ...sequence];
    for (let at = order - 1; at < tokens.length; at++)
      count(table, keyOf(tokens.slice(at - order + 1, at)), tokens[at]);
  }
  const orders = [];
  for (let length = order; length >= 1; length--) {
    orders.unshift(describe(table));
    table = continuations(table);
  }
  return (before, token) => {
    const history = [...start, ...before].slice(1 - order);
    let probability = 1 / vocabularySize;
    for (const [length, { histories, discount }] of orders.entries()) {
      const found = histories.get(keyOf(history.slice(history.length - length)));
      if (!found) break;
      const times = found.counts.get(token) ?? 0;
      probability = (times === 0 ? 0 : times - discount(times)) / found.total + found.left * probability;
    }
    return probability;
  };
}
