/**
 * Writes the task data of recipes/compare.yaml: small, synthetic and without a license of others, so that a comparison runs from a
 * clone alone. Sentences are drawn from grammars by a seed; test rows do not occur in training.
 */
import { writeFileSync } from "node:fs";

/** A linear congruential generator: the same rows everywhere. */
let state = 20_240_607;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const pick = (list) => list[Math.floor(random() * list.length)];

/** Draws different rows and writes them: the first to train on, the last to test on. */
function write(name, { train, test, draw }) {
  const rows = new Map();
  while (rows.size < train + test) {
    const row = draw();
    rows.set(JSON.stringify(Object.values(row)[0]), row);
  }
  const lines = [...rows.values()].map((row) => `${JSON.stringify(row)}\n`);
  writeFileSync(new URL(`${name}-train.jsonl`, import.meta.url), lines.slice(0, train).join(""));
  writeFileSync(new URL(`${name}-test.jsonl`, import.meta.url), lines.slice(train).join(""));
}

// English to German: genders, cases, endings of adjectives, and the verb in second place.
const nouns = [
  ["dog", "hund", "m"],
  ["man", "mann", "m"],
  ["tree", "baum", "m"],
  ["king", "könig", "m"],
  ["woman", "frau", "f"],
  ["cat", "katze", "f"],
  ["street", "straße", "f"],
  ["nation", "nation", "f"],
  ["child", "kind", "n"],
  ["house", "haus", "n"],
  ["ship", "schiff", "n"],
  ["law", "gesetz", "n"],
];
const verbs = [
  ["sees", "sieht"],
  ["finds", "findet"],
  ["needs", "braucht"],
  ["loves", "liebt"],
  ["knows", "kennt"],
  ["seeks", "sucht"],
];
const adjectives = [
  ["small", "klein"],
  ["old", "alt"],
  ["new", "neu"],
  ["great", "groß"],
  ["young", "jung"],
];
const times = [
  ["today", "heute"],
  ["now", "jetzt"],
  ["often", "oft"],
  ["here", "hier"],
];
const articles = {
  nominative: { definite: { m: "der", f: "die", n: "das" }, indefinite: { m: "ein", f: "eine", n: "ein" } },
  accusative: { definite: { m: "den", f: "die", n: "das" }, indefinite: { m: "einen", f: "eine", n: "ein" } },
};
const endings = {
  nominative: { definite: { m: "e", f: "e", n: "e" }, indefinite: { m: "er", f: "e", n: "es" } },
  accusative: { definite: { m: "en", f: "e", n: "e" }, indefinite: { m: "en", f: "e", n: "es" } },
};

function phrase(kase) {
  const [english, german, gender] = pick(nouns);
  const kind = random() < 0.5 ? "definite" : "indefinite";
  const adjective = random() < 0.6 ? pick(adjectives) : null;
  const first = adjective?.[0] ?? english;
  const article = kind === "definite" ? "the" : /^[aeiou]/.test(first) ? "an" : "a";
  const inflected = adjective && adjective[1] + endings[kase][kind][gender];
  return {
    english: [article, adjective?.[0], english].filter(Boolean).join(" "),
    german: [articles[kase][kind][gender], inflected, german].filter(Boolean).join(" "),
  };
}

write("translation", {
  train: 3000,
  test: 200,
  draw() {
    const [subject, object, verb] = [phrase("nominative"), phrase("accusative"), pick(verbs)];
    const source = `${subject.english} ${verb[0]} ${object.english}`;
    if (random() < 0.5) return { source: `${source} .`, target: `${subject.german} ${verb[1]} ${object.german} .` };
    const time = pick(times);
    return { source: `${time[0]} ${source} .`, target: `${time[1]} ${verb[1]} ${subject.german} ${object.german} .` };
  },
});

// Sentiment: words and negation, so that a bag of words is not enough.
const good = ["good", "just", "wise", "honest", "happy", "peaceful", "successful", "excellent"];
const bad = ["bad", "unjust", "foolish", "corrupt", "sad", "violent", "useless", "terrible"];
const plain = ["old", "large", "public", "federal", "annual", "common", "western", "foreign"];
const subjects = [
  "the law",
  "the treaty",
  "this congress",
  "the report",
  "our trade",
  "the war",
  "the army",
  "the plan",
];
const openings = [
  "we believe that",
  "it is known that",
  "the people say that",
  "last year",
  "i must report that",
  "in truth",
];

write("sentiment", {
  train: 1500,
  test: 200,
  draw() {
    const label = pick(["negative", "neutral", "positive"]);
    const isNegated = random() < 0.4;
    const words = label === "neutral" ? plain : (label === "positive") === isNegated ? bad : good;
    const is = `${pick(["is", "was", "will be"])}${isNegated ? " not" : ""}`;
    const end = random() < 0.5 ? ` and ${pick(["remains", "seems"])} ${pick(plain)}` : "";
    return { text: `${pick(openings)} ${pick(subjects)} ${is} ${pick(words)}${end} .`, label };
  },
});

// Summaries: what matters is said first, last or between; the rest is not in the summary.
const people = ["the president", "the secretary", "the governor", "the senator", "the general", "the speaker"];
const actions = [
  ["signed", "the treaty"],
  ["rejected", "the bill"],
  ["visited", "the army"],
  ["praised", "the report"],
  ["opened", "the railroad"],
  ["closed", "the bank"],
];
const places = ["in boston", "in new york", "in mexico", "in the west", "in washington", "in cuba"];
const fillers = [
  "the weather was cold and the roads were bad",
  "many people were in the streets",
  "the harvest of the year was large",
  "the newspapers wrote little about it",
  "a large crowd had come from the country",
  "the revenue of the year was not yet known",
];

write("summarization", {
  train: 2000,
  test: 200,
  draw() {
    const [who, [verb, what], where] = [pick(people), pick(actions), pick(places)];
    const others = [pick(fillers), pick(fillers)];
    const event = `on ${pick(["monday", "tuesday", "friday"])} ${who} ${verb} ${what} ${where} after a long debate`;
    const sentences = [...others];
    sentences.splice(Math.floor(random() * 3), 0, event);
    return {
      text: sentences.map((sentence) => `${sentence} .`).join(" "),
      summary: `${who} ${verb} ${what} ${where} .`,
    };
  },
});
