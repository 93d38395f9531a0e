import { describe, expect, it } from "vitest";
import {
  createBleu,
  createCalibration,
  createChrf,
  createConfusion,
  createCorrelation,
  createEvaluator,
  createMultilabel,
  createRouge,
  createSquad,
  createTer,
  type Evaluator,
} from "./index.ts";
import { golden } from "./testing/golden.ts";

const { texts } = golden();
const translations = texts.slice(0, 120).map((hypothesis, index) => ({
  hypothesis,
  references: texts.slice(index, index + 1 + (index % 3)),
}));

/** A wave of numbers between 0 and 1 that no binary fraction is equal to. */
const waves = translations.map((_, index) => (Math.sin(index) + 1) / 2);

/** Whether a result has the same bits from one evaluator, and from five that are merged in another order through JSON. */
function isSplittable<Example, Result, State>(
  create: (saved?: State) => Evaluator<Example, Result, State>,
  examples: readonly Example[],
): void {
  const whole = create();
  const parts = Array.from({ length: 5 }, () => create());
  for (const [index, example] of examples.entries()) {
    whole.add(example);
    parts[(index * index) % 5]!.add(example);
  }
  const merged = create(JSON.parse(JSON.stringify(parts[4]!.state())));
  for (const part of [parts[1]!, parts[3]!]) merged.merge(part);
  for (const part of [parts[0]!, parts[2]!]) merged.merge(part.state());
  expect(merged.result()).toEqual(whole.result());
}

describe("evaluators", () => {
  it("give the same bits however the examples were split", () => {
    isSplittable((saved?: number[][]) => createBleu({}, saved), translations);
    isSplittable((saved?: number[][]) => createChrf({ wordOrder: 2 }, saved), translations);
    isSplittable((saved?: number[][]) => createTer({}, saved), translations);
    isSplittable((saved?: number[][]) => createRouge({}, saved), translations);
    isSplittable(
      (saved?: number[][]) => createSquad({ version: "2.0" }, saved),
      translations.map(({ hypothesis, references }) => ({ prediction: hypothesis, answers: references })),
    );
    isSplittable(
      (saved?: number[][]) => createCalibration({}, saved),
      waves.map((confidence) => ({ confidence, isCorrect: confidence > 0.3 })),
    );
    isSplittable(
      createCorrelation,
      waves.map((predicted, index) => ({ predicted, actual: predicted + (index % 7) / 3 })),
    );
  });

  it("take any metric that is a function of sums", () => {
    const length = createEvaluator({
      statistics: (text: string) => [1, text.length],
      score: ([texts, characters]) => ({ score: characters! / texts! }),
    });
    expect(() => length.result()).toThrow(/no examples/);
    length.add("four");
    length.add("twelve");
    expect(length.result()).toEqual({ score: 5 });
    expect(() => createBleu({}, length.state()).add(translations[1]!)).toThrow(RangeError);
  });

  it("refuse examples that cannot be scored", () => {
    for (const create of [createBleu, createChrf, createTer, createRouge]) {
      expect(() => create().add({ hypothesis: "a", references: [] })).toThrow(/no references/);
    }
    expect(() => createSquad({ version: "1.1" }).add({ prediction: "a", answers: [] })).toThrow(/2\.0/);
    expect(() => createConfusion({ numClasses: 3 }).add({ actual: 0, predicted: 3 })).toThrow(/0 to 2, got 3/);
    expect(() => createConfusion({ numClasses: 3 }).add({ actual: 0.5, predicted: 0 })).toThrow(/got 0.5/);
    expect(() => createMultilabel({ numLabels: 2 }).add({ actual: [-1], predicted: [] })).toThrow(/got -1/);
    expect(() => createCalibration().add({ confidence: Number.NaN, isCorrect: true })).toThrow(/NaN/);
    expect(() => createCorrelation().add({ predicted: Infinity, actual: 0 })).toThrow(/Infinity/);
    expect(() => createCorrelation().result()).toThrow(/two examples/);
    expect(() => createConfusion({ numClasses: 2 }).result()).toThrow(/no examples/);
    expect(() => createConfusion({ numClasses: 2 }, [[1]])).toThrow(/2 and 1 classes/);
  });
});
