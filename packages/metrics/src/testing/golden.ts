/** Cases of fixtures/metrics/make.py, and how each is computed here, in the form of its expected values. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import {
  accuracy,
  averageScores,
  bootstrap,
  type ClassCounts,
  classCounts,
  createBleu,
  createCalibration,
  createChrf,
  createConfusion,
  createCorrelation,
  createMultilabel,
  createRouge,
  createSquad,
  createTer,
  type Evaluator,
  matthewsCorrelation,
  occurs,
  pairedBootstrap,
} from "../index.ts";
import { stem } from "../rouge/porter.ts";

/** Fields as the script writes them; which ones there are depends on the metric. */
// biome-ignore lint/suspicious/noExplicitAny: the shape of a case depends on its metric
type Fields = any;

/** A case: what to compute, from what, and what Python computed. */
export interface GoldenCase {
  metric: string;
  options: Fields;
  examples: Fields;
  expected: Fields;
}

/** All cases of a file, and the texts that they refer to by index. */
export interface Golden {
  texts: string[];
  cases: GoldenCase[];
}

const FIXTURES = fileURLToPath(new URL("../../../../fixtures/metrics/", import.meta.url));
const readGolden = (path: string): Golden => JSON.parse(gunzipSync(readFileSync(path)).toString("utf8"));

/** The cases in fixtures/metrics. */
export const golden = (): Golden => readGolden(join(FIXTURES, "golden.json.gz"));

/** New cases from Python. SQuAD's are among them if the variable SQUAD_SCRIPTS names the directory of its scripts. */
export function makeGolden({ python, cases, seed }: { python: string; cases: number; seed: number }): Golden {
  const directory = mkdtempSync(join(tmpdir(), "megatron-metrics-"));
  const output = join(directory, "golden.json.gz");
  const squad = process.env.SQUAD_SCRIPTS === undefined ? [] : ["--squad", process.env.SQUAD_SCRIPTS];
  const flags = ["--cases", String(cases), "--seed", String(seed), "--output", output, ...squad];
  const { status, stderr } = spawnSync(python, [join(FIXTURES, "make.py"), ...flags], { encoding: "utf8" });
  try {
    if (status !== 0) throw new Error(`make.py failed:\n${stderr}`);
    return readGolden(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Adds every example to one of three evaluators and merges them through JSON, in another order. */
function collect<Example, Result, State>(
  create: (saved?: State) => Evaluator<Example, Result, State>,
  examples: Example[],
): Result {
  const parts = [create(), create(), create()];
  for (const [index, example] of examples.entries()) parts[(index * index) % 3]!.add(example);
  const merged = create(JSON.parse(JSON.stringify(parts[2]!.state())));
  merged.merge(parts[0]!);
  merged.merge(parts[1]!.state());
  return merged.result();
}

function averages(classes: ClassCounts[]): Fields {
  const names = ["micro", "macro", "weighted"] as const;
  const zeros = { "0": 0, "1": 1, nan: Number.NaN };
  return Object.fromEntries(
    names.flatMap((average) =>
      Object.entries(zeros).map(([name, zeroDivision]) => [
        `${average}/${name}`,
        averageScores(classes, { average, zeroDivision }),
      ]),
    ),
  );
}

function classification({ options, examples: [actual, predicted] }: GoldenCase): Fields {
  const pairs = actual.map((label: number, index: number) => ({ actual: label, predicted: predicted[index] }));
  const confusion = collect((saved?: number[][]) => createConfusion(options, saved), pairs);
  const classes = classCounts(confusion);
  return {
    confusion,
    accuracy: accuracy(confusion),
    matthews: matthewsCorrelation(confusion),
    all: averages(classes),
    occurring: averages(classes.filter(occurs)),
  };
}

function multilabel({ options, examples: [actual, predicted] }: GoldenCase): Fields {
  const sets = actual.map((labels: number[], index: number) => ({ actual: labels, predicted: predicted[index] }));
  const { exactMatch, classes } = collect((saved?: number[][]) => createMultilabel(options, saved), sets);
  return { exactMatch, all: averages(classes) };
}

/** The result of a case, in the form of its expected values. */
export function compute(golden: Golden, one: GoldenCase): Fields {
  const { options, examples } = one;
  const text = (index: number) => golden.texts[index]!;
  const translations = () =>
    examples.map(([hypothesis, references]: [number, number[]]) => ({
      hypothesis: text(hypothesis),
      references: references.map(text),
    }));
  switch (one.metric) {
    case "bleu":
      return collect((saved?: number[][]) => createBleu(options, saved), translations());
    case "chrf":
      return collect((saved?: number[][]) => createChrf(options, saved), translations());
    case "ter":
      return collect((saved?: number[][]) => createTer(options, saved), translations());
    case "rouge":
      return collect((saved?: number[][]) => createRouge(options, saved), translations());
    case "squad": {
      const answers = examples.map(([prediction, answers, noAnswerProbability]: [number, number[], number]) => ({
        prediction: text(prediction),
        answers: answers.map(text),
        noAnswerProbability,
      }));
      return collect((saved?: number[][]) => createSquad(options, saved), answers);
    }
    case "classification":
      return classification(one);
    case "multilabel":
      return multilabel(one);
    case "correlation": {
      const [predicted, actual] = examples;
      const pairs = predicted.map((value: number, index: number) => ({ predicted: value, actual: actual[index] }));
      return collect(createCorrelation, pairs);
    }
    case "calibration": {
      const [confidences, correct] = examples;
      const predictions = confidences.map((confidence: number, index: number) => ({
        confidence,
        isCorrect: correct[index] === 1,
      }));
      return collect((saved?: number[][]) => createCalibration(options, saved), predictions);
    }
    case "bootstrap": {
      const systems = [0, 1].map((system) =>
        examples.map((indices: number[]) => ({ hypothesis: text(indices[system]!), references: [text(indices[2]!)] })),
      );
      const metric = createBleu();
      const paired = pairedBootstrap({ baseline: systems[0]!, system: systems[1]! }, { metric, ...options });
      return { ...paired, baseline: bootstrap(systems[0]!, { metric, ...options }) };
    }
    case "stem":
      return examples.map(stem);
    default:
      throw new Error(`unknown metric ${one.metric}`);
  }
}
