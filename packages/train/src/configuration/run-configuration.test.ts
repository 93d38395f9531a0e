import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.ts";
import { checkRunConfiguration } from "./cross-checks.ts";
import { configurationDifferences, formatDifference } from "./differences.ts";
import { pretrainConfigSchema } from "./pretrain-configuration.ts";
import { formatRecipe, parseRecipe } from "./recipe.ts";
import type { Override } from "./recipe-overrides.ts";

const recipe = `
model: { family: gpt, hiddenSize: 64, numHeads: 4, numLayers: 2, maxPositions: 128, vocabularySize: 512 }
data:
  { tokenizer: tok, sequenceLength: 128,
  train: data/corpus }
train:
  optimizer: { name: adamw, learningRate: 1.5e-4 }
  schedule: { name: cosine, warmupSteps: 10, minimum: 1e-5 }
  steps: 100
  batchSize: 8
  microBatchSize: 4
run:
  directory: runs/a
`;

const parse = (text: string, overrides: Override[] = []) =>
  parseRecipe(text, { schema: pretrainConfigSchema, file: "recipe.yaml", overrides, check: checkRunConfiguration });

function mistakes(text: string, overrides: Override[] = []): string[] {
  try {
    parse(text, overrides);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).userError).toBe(true);
    return (error as ConfigError).message.split("\n");
  }
  return [];
}

describe("a valid recipe", () => {
  it("gets every default", () => {
    const { train, engine, parallel } = parse(recipe);
    expect(train).toEqual({
      optimizer: {
        name: "adamw",
        learningRate: 1.5e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0.01,
        biasCorrection: true,
      },
      schedule: { name: "cosine", warmupSteps: 10, minimum: 1e-5 },
      clipNorm: 1,
      weightAverage: null,
      steps: 100,
      timeLimitMinutes: null,
      batchSize: 8,
      microBatchSize: 4,
      batchRamp: null,
      recompute: "none",
      evaluation: { every: 200, batches: 10 },
      checkpoint: { every: 200, keepLast: 2, keepBest: true, background: false },
      log: { every: 10, tensorboard: true },
      seed: 1234,
    });
    expect(engine).toEqual({ backend: null, threads: null, precision: "f32" });
    expect(parallel).toEqual({
      tensor: 1,
      pipeline: 1,
      data: 1,
      context: 1,
      sequenceParallel: false,
      distributedOptimizer: false,
      virtualStages: 1,
    });
  });

  it("gets those of Muon and of the AdamW beside it", () => {
    const { train } = parse(recipe, [
      ["train.optimizer", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 4e-3 } }"],
    ]);
    expect(train.optimizer).toEqual({
      name: "muon",
      learningRate: 0.02,
      momentum: 0.95,
      momentumWarmup: null,
      nesterov: true,
      weightDecay: 0.1,
      weightDecaySchedule: "constant",
      cautious: false,
      adjustment: "original",
      epsilon: 1e-7,
      precision: "bf16",
      adamw: { learningRate: 4e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, biasCorrection: true },
    });
  });

  it("written back as YAML parses to the same", () => {
    const resolved = parse(recipe, [["train.batchRamp", "{ start: 4, increment: 4, samples: 100 }"]]);
    expect(resolved.train.batchRamp).toEqual({ start: 4, increment: 4, samples: 100 });
    expect(parse(formatRecipe(resolved))).toEqual(resolved);
  });
});

describe("overrides", () => {
  it("are YAML scalars, lists and groups, else plain text", () => {
    const { train, run, data } = parse(recipe, [
      ["train.steps", "500"],
      ["train.steps", "600"],
      ["train.optimizer.learningRate", "3e-4"],
      ["train.clipNorm", "null"],
      ["train.log.tensorboard", "false"],
      ["run.directory", "runs: b"],
      ["data.train", "[{ prefix: a, weight: 1 }, { prefix: b, weight: 2 }]"],
      ["data.train.1.weight", "0.5"],
    ]);
    expect(train.steps).toBe(600);
    expect(train.optimizer.learningRate).toBe(3e-4);
    expect(train.clipNorm).toBeNull();
    expect(train.log).toEqual({ every: 10, tensorboard: false });
    expect(run.directory).toBe("runs: b");
    expect(data.train).toEqual([
      { prefix: "a", weight: 1 },
      { prefix: "b", weight: 0.5 },
    ]);
  });

  it("are plain text for fields that take text", () => {
    for (const text of ["2026", "1e3", "true", "null", "r #1", "'q'", '"q"', "~", "[a]", "{ a: 1 }", " x "]) {
      expect(parse(recipe, [["run.directory", text]]).run.directory).toBe(text);
    }
    // Also a list or a group, which are read as YAML.
    const { data } = parse(recipe, [
      ["data.train", "[{ prefix: a, weight: 1 }]"],
      ["data.train.0.prefix", "2026"],
    ]);
    expect(data.train).toEqual([{ prefix: "2026", weight: 1 }]);
    expect(parse(recipe, [["data.train", "2026"]]).data.train).toBe("2026");
    // A choice, or null.
    expect(parse(recipe, [["engine.backend", "cpu"]]).engine.backend).toBe("cpu");
    expect(parse(recipe, [["engine.backend", "null"]]).engine.backend).toBeNull();
    expect(mistakes(recipe, [["model.from", "2026"]])).toEqual([expect.stringMatching(/^--model\.from: .*2026/)]);
  });

  it("are named as flags when they are wrong", () => {
    expect(
      mistakes(recipe, [
        ["train.steps", "many"],
        ["train.optimiser.beta1", "0.8"],
        ["run.directory", ""],
        ["train.batchSize", "4e9"],
        ["__proto__.polluted", "1"],
      ]),
    ).toEqual([
      '--train.steps: expected a whole number of at least 1; got "many"',
      expect.stringMatching(/^--train.batchSize: .* got 4000000000$/),
      expect.stringMatching(/^--train.optimiser.beta1: train.optimiser: unknown field; .*; did you mean optimizer\?$/),
      '--run.directory: expected text that is not empty; got ""',
      expect.stringMatching(/^--__proto__.polluted: __proto__: unknown field; expected one of model, data, /),
    ]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("a wrong recipe", () => {
  it("gets one line for each mistake, in the order of its lines", () => {
    const wrong = recipe
      .replace("numHeads: 4", "num_heads: 4")
      .replace("train: data/corpus", "train: [{ prefix: a, wieght: 1 }]")
      .replace("name: cosine", "name: cosin")
      .replace("steps: 100", "steps: 0.5")
      .replace("run:\n", "batchsize: 3\nrun:\n");
    expect(mistakes(wrong)).toEqual([
      "recipe.yaml:2: model.numHeads: missing; expected a whole number above 0",
      expect.stringMatching(
        /^recipe.yaml:2: model.num_heads: unknown field; expected one of .*; did you mean numHeads\?$/,
      ),
      "recipe.yaml:5: data.train.0.weight: missing; expected a number above 0",
      "recipe.yaml:5: data.train.0.wieght: unknown field; expected one of prefix, weight; did you mean weight?",
      'recipe.yaml:8: train.schedule.name: expected one of constant, linear, cosine, inverse-square-root, wsd, reduce-on-plateau; got "cosin"; did you mean cosine?',
      "recipe.yaml:9: train.steps: expected a whole number of at least 1; got 0.5",
      "recipe.yaml:12: batchsize: unknown field; expected one of model, data, train, run, engine, parallel, energy, distill; did you mean train.batchSize?",
    ]);
  });

  it("names that are near, or in another section, are offered; others are not", () => {
    const meant = (override: Override) => /did you mean (.*)\?$/.exec(mistakes(recipe, [override])[0]!)?.[1];
    expect(meant(["engine.backend", "wsam"])).toBe("wasm");
    expect(meant(["train.optimizer.weight-decay", "1"])).toBe("weightDecay");
    expect(meant(["train.stpes", "1"])).toBe("steps");
    expect(meant(["keep_last", "1"])).toBe("train.checkpoint.keepLast");
    expect(meant(["train.velocity", "1"])).toBeUndefined();
    expect(meant(["engine.backend", "cuda"])).toBeUndefined();
  });

  it("a field of another variant is refused where that variant is named", () => {
    expect(mistakes(recipe.replace("name: cosine", "name: constant"))).toEqual([
      "recipe.yaml:8: train.schedule.minimum: unknown field where name is constant; expected one of name, warmupSteps",
    ]);
  });

  it("a field of another optimizer too", () => {
    expect(mistakes(recipe, [["train.optimizer.momentum", "0.9"]])).toEqual([
      expect.stringMatching(/^--train.optimizer.momentum: unknown field where name is adamw; expected one of .*beta1/),
    ]);
    const muon: Override = ["train.optimizer", "{ name: muon, learningRate: 0.02, adamw: { learningRate: 4e-3 } }"];
    for (const field of ["train.optimizer.beta1", "train.optimizer.rates", "train.optimizer.adamw.momentum"]) {
      expect(mistakes(recipe, [muon, [field, "0.9"]])).toEqual([
        expect.stringMatching(/^--train.optimizer\.\S+: unknown field.*; expected one of .*/),
      ]);
    }
    expect(mistakes(recipe, [["train.optimizer.name", "muon"]])).toEqual([
      expect.stringMatching(/train.optimizer.adamw: missing; expected a group of fields \(learningRate, /),
    ]);
  });

  it("missing sections, wrong kinds and no recipe at all", () => {
    expect(mistakes("run: { directory: a }\ndata: 3\ntrain:")).toEqual([
      expect.stringMatching(/^recipe.yaml: model: missing; expected a group of fields \(.*family, .* and \d+ more\)/),
      expect.stringMatching(/^recipe.yaml:2: data: expected a group of fields \(tokenizer, .*\); got 3$/),
      expect.stringMatching(
        /^recipe.yaml:3: train: expected a group of fields \(objective, optimizer, .*\); got null$/,
      ),
    ]);
    expect(mistakes("hello")).toEqual(["recipe.yaml: expected named fields, as in `train: { steps: 100 }`"]);
    for (const nothing of ["", "# no field\n", "null"]) {
      expect(mistakes(nothing)).toEqual(["recipe.yaml: is empty: expected model, data, train, run"]);
    }
  });

  it("what is not YAML, and a field given twice", () => {
    expect(mistakes("train: { steps: 1")).toEqual([
      expect.stringMatching(/^recipe.yaml:1: not YAML: Flow map .* end with a }$/),
    ]);
    expect(mistakes("train:\n  steps: 2\n  steps : 3")).toEqual(["recipe.yaml:3: steps: is given twice"]);
    expect(mistakes("a: 1\n---\nb: 2")).toEqual([
      "recipe.yaml:2: holds several documents, each after ---: expected one",
    ]);
    expect(mistakes("? [a]\n: 1")).toEqual([expect.stringMatching(/^recipe.yaml:1: not YAML: .*keys must be strings/)]);
  });

  it("only the first of several issues with a field is reported", () => {
    expect(mistakes("CHAPTER 1.\nCall me: Ishmael\n some: years\n")).toEqual([
      expect.stringMatching(/^recipe.yaml:1: not YAML: /),
    ]);
  });

  it("aliases of nothing, and of too much", () => {
    expect(mistakes("train: *all")).toEqual([
      expect.stringMatching(/^recipe.yaml: not YAML: Unresolved alias .*: all$/),
    ]);
    const list = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(", ")}]\n`;
    expect(mistakes(list("a", "1") + list("b", "*a") + list("c", "*b") + list("d", "*c"))).toEqual([
      expect.stringMatching(/^recipe.yaml: not YAML: Excessive alias count/),
    ]);
  });

  it("aliases are followed to where a field is written", () => {
    const aliased = recipe.replace("\nmodel:", "\nmodel: &model").replace("train: data/corpus", "train: *model");
    expect(mistakes(aliased)).toEqual([
      "recipe.yaml:5: data.train: expected text that is not empty or a list of at least 1; got a group of fields",
    ]);
  });
});

describe("contradictions", () => {
  it.each<[string, Override[], string[]]>([
    ["heads", [["model.numHeads", "5"]], [expect.stringMatching(/^recipe.yaml:2: model.hiddenSize: .*64.*5/)]],
    [
      "positions",
      [["data.sequenceLength", "129"]],
      ["--data.sequenceLength: expected at most model.maxPositions (128); got 129"],
    ],
    [
      "positions behind padding",
      [
        ["model.family", "bert"],
        ["model.paddingToken", "1"],
        ["data.sequenceLength", "127"],
      ],
      [
        "--data.sequenceLength: expected at most 126, which model.maxPositions (128) leaves behind model.paddingToken; got 127",
      ],
    ],
    [
      "mesh",
      [
        ["parallel.tensor", "3"],
        ["parallel.pipeline", "4"],
      ],
      [
        "--parallel.tensor: expected a divisor of model.numHeads (4); got 3",
        "--parallel.pipeline: expected at most the model's layers (2); got 4",
      ],
    ],
    [
      "tokens that ranks do not divide",
      [["parallel.context", "3"]],
      ["--parallel.context: expected a divisor of data.sequenceLength (128); got 3"],
    ],
    [
      "batch",
      [["parallel.data", "4"]],
      [
        "recipe.yaml:10: train.batchSize: expected a multiple of train.microBatchSize x parallel.data (4 x 4 = 16); got 8",
      ],
    ],
    [
      "ramp",
      [["train.batchRamp", "{ start: 2, increment: 4, samples: 10 }"]],
      [
        "--train.batchRamp: train.batchRamp.start: expected a multiple of train.microBatchSize x parallel.data (4 x 1 = 4); got 2",
        "--train.batchRamp: train.batchRamp.increment: expected a divisor of train.batchSize - start (6); got 4",
      ],
    ],
    [
      "ramp's start",
      [["train.batchRamp", "{ start: 8, increment: 4, samples: 10 }"]],
      [
        "--train.batchRamp: train.batchRamp.start: expected less than train.batchSize (8), which the ramp ends at; got 8",
      ],
    ],
    [
      "warm-up",
      [["train.steps", "9"]],
      ["recipe.yaml:8: train.schedule.warmupSteps: expected at most train.steps (9); got 10"],
    ],
    [
      "end of the decay",
      [["train.schedule.endStep", "5"]],
      ["recipe.yaml:8: train.schedule.warmupSteps: expected at most train.schedule.endStep (5); got 10"],
    ],
    [
      "minimum",
      [["train.schedule.minimum", "1"]],
      ["--train.schedule.minimum: expected at most train.optimizer.learningRate (0.00015); got 1"],
    ],
    [
      "wsd",
      [["train.schedule", "{ name: wsd, warmupSteps: 50, decaySteps: 51 }"]],
      ["--train.schedule: train.schedule.decaySteps: expected at most train.steps - warmupSteps (100 - 50); got 51"],
    ],
    [
      "plateau",
      [
        ["train.schedule", "{ name: reduce-on-plateau }"],
        ["train.evaluation", "null"],
      ],
      [
        "--train.schedule: train.schedule.name: reduce-on-plateau watches the validation loss: expected train.evaluation; got null",
      ],
    ],
  ])("%s", (_, overrides, lines) => expect(mistakes(recipe, overrides)).toEqual(lines));

  it("limits themselves are allowed", () => {
    expect(
      mistakes(recipe, [
        ["train.schedule", "{ name: wsd, warmupSteps: 50, decaySteps: 50, minimum: 1.5e-4 }"],
        ["train.batchRamp", "{ start: 4, increment: 4, samples: 1 }"],
        ["parallel", "{ tensor: 4, pipeline: 2, data: 1 }"],
      ]),
    ).toEqual([]);
  });
});

it("differences name each changed field with its old and its new value", () => {
  const old = parse(recipe);
  expect(configurationDifferences(old, parse(recipe))).toEqual([]);
  const next = parse(recipe, [
    ["train.steps", "200"],
    ["train.schedule", "{ name: linear, warmupSteps: 10, endStep: 150 }"],
    ["train.evaluation", "null"],
    ["data.train", "[{ prefix: a, weight: 1 }]"],
  ]);
  expect(configurationDifferences(old, next).map(formatDifference)).toEqual([
    'data.train: "data/corpus" -> [{"prefix":"a","weight":1}]',
    'train.schedule.name: "cosine" -> "linear"',
    "train.schedule.minimum: 0.00001 -> 0",
    "train.schedule.endStep: (absent) -> 150",
    "train.steps: 100 -> 200",
    'train.evaluation: {"every":200,"batches":10} -> null',
  ]);
});

describe("a ConfigError of very many problems", () => {
  it("names the first ones and counts the others", () => {
    const problems = Array.from({ length: 300 }, (_, i) => ({
      path: `model.${"x".repeat(i)}`,
      message: "unknown field",
    }));
    const error = new ConfigError(problems);
    expect(error.message.length).toBeLessThan(5000);
    const lines = error.message.split("\n");
    expect(lines.at(-1)).toBe(`and ${300 - (lines.length - 1)} more problems`);
    expect(error.problems).toEqual(problems);
  });
});
