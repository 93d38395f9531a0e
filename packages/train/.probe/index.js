// src/configuration-differences.ts
function configurationDifferences(old, next) {
  return differences(old, next, "");
}
var formatDifference = ({ path, old, new: next }) => `${path}: ${shown(old)} -> ${shown(next)}`;
var shown = (value) => (value === void 0 ? "(absent)" : JSON.stringify(value));
function differences(old, next, path) {
  if (isGroup(old) && isGroup(next)) {
    const names = [.../* @__PURE__ */ new Set([...Object.keys(old), ...Object.keys(next)])];
    return names.flatMap((name) => differences(old[name], next[name], path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(old) === JSON.stringify(next) ? [] : [{ path, old, new: next }];
}
var isGroup = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// src/configuration-error.ts
var ConfigError = class extends Error {
  name = "ConfigError";
  userError = true;
  problems;
  constructor(problems2) {
    super(problems2.map(line).join("\n"));
    this.problems = problems2;
  }
};
function line({ path, message, where }) {
  const parts = where === `--${path}` ? [where] : [where, path];
  return [...parts.filter(Boolean), message].join(": ");
}

// src/quantities.ts
var PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
function formatQuantity(value, unit = "") {
  const space = unit === "" ? "" : " ";
  if (!Number.isFinite(value)) return `${value}${space}${unit}`;
  const rounded = Number(Math.abs(value).toPrecision(3));
  const power = rounded < 1e3 ? 0 : Math.min(Math.floor(Math.log10(rounded) / 3), PREFIXES.length - 1);
  const digits = rounded / 1e3 ** power;
  const text = Number.isInteger(digits) && power === 0 ? String(digits) : digits.toPrecision(3);
  return `${value < 0 ? "-" : ""}${text}${space}${PREFIXES[power]}${unit}`;
}
var formatCount = (value) => Math.round(value).toLocaleString("en-US");
function formatDuration(seconds) {
  if (!Number.isFinite(seconds)) return String(seconds);
  const whole = Math.round(seconds);
  const units = [
    { name: "d", size: 86400, within: Number.POSITIVE_INFINITY },
    { name: "h", size: 3600, within: 24 },
    { name: "m", size: 60, within: 60 },
    { name: "s", size: 1, within: 60 },
  ];
  const first = units.findIndex(({ size }) => whole >= size);
  if (first === -1) return "0s";
  return units
    .slice(first, first + 2)
    .map(({ name, size, within }, i) => {
      const count = Math.floor(whole / size) % within;
      return `${i === 0 ? count : String(count).padStart(2, "0")}${name}`;
    })
    .join(" ");
}

// src/console-line.ts
function formatReport(report, totals) {
  return [
    stepColumn(report.step, totals.steps),
    `loss ${report.loss.toFixed(4).padStart(7)}`,
    `lr ${formatRate(report.learningRate).padStart(8)}`,
    `norm ${formatQuantity(report.gradientNorm).padStart(6)}`,
    `${formatMilliseconds(report.millisecondsPerStep).padStart(6)} ms`,
    `${formatCount(report.tokensPerSecond).padStart(7)} tokens/s`,
    formatQuantity(report.flopsPerSecond, "FLOP/s").padStart(12),
    `${formatCount(report.consumedSamples).padStart(formatCount(totals.samples).length)} samples`,
    `${formatDuration(report.secondsLeft)} left`,
  ].join(" | ");
}
function formatEvaluation(evaluation, totals) {
  return [
    stepColumn(evaluation.step, totals.steps),
    `validation loss ${evaluation.loss.toFixed(4)}`,
    `perplexity ${formatQuantity(evaluation.perplexity)}`,
  ].join(" | ");
}
var stepColumn = (step, steps) => `step ${String(step).padStart(String(steps).length)}/${steps}`;
var formatRate = (rate) => (rate === 0 ? "0" : rate.toExponential(2));
var formatMilliseconds = (value) => (value >= 100 ? formatCount(value) : value.toPrecision(3));

// src/interval-report.ts
import { modelFlopsPerSecond, secondsLeft } from "@megatron-ts/cost";

var emptyInterval = {
  steps: 0,
  lossSum: 0,
  seconds: 0,
  samples: 0,
  tokens: 0,
  last: null,
};
var addStep = (interval, step) => ({
  steps: interval.steps + 1,
  lossSum: interval.lossSum + step.loss * step.samples,
  seconds: interval.seconds + step.seconds,
  samples: interval.samples + step.samples,
  tokens: interval.tokens + step.tokens,
  last: step,
});
function reportInterval(interval, run) {
  const { steps, seconds, samples, tokens, last } = interval;
  if (last === null) throw new RangeError("an interval without steps has nothing to report");
  const { consumedSamples, totalSamples, flopsPerToken } = run;
  const remaining2 = totalSamples - consumedSamples;
  return {
    step: last.step,
    loss: interval.lossSum / samples,
    learningRate: last.learningRate,
    gradientNorm: last.gradientNorm,
    millisecondsPerStep: (1e3 * seconds) / steps,
    tokensPerSecond: tokens / seconds,
    flopsPerSecond: modelFlopsPerSecond({ flopsPerToken, tokens, seconds }),
    consumedSamples,
    secondsLeft: secondsLeft({ remaining: remaining2, measured: samples, measuredSeconds: seconds }) ?? 0,
  };
}

// src/metrics-log.ts
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";

function openMetricsLog(path, { resumedStep }) {
  keepUpTo(resumedStep, path);
  const file = openSync(path, "a");
  return {
    append: (record) =>
      void writeSync(
        file,
        `${JSON.stringify(record)}
`,
      ),
    close: () => closeSync(file),
  };
}
function keepUpTo(step, path) {
  if (!existsSync(path)) return;
  const text = readFileSync(path, "utf8");
  const lines = text.split("\n").filter((line2) => (stepOf(line2) ?? Number.POSITIVE_INFINITY) <= step);
  const kept = lines
    .map(
      (line2) => `${line2}
`,
    )
    .join("");
  if (kept === text) return;
  const beside = `${path}.new`;
  const file = openSync(beside, "w");
  writeFileSync(file, kept);
  fsyncSync(file);
  closeSync(file);
  renameSync(beside, path);
}
function stepOf(line2) {
  try {
    const { step } = JSON.parse(line2);
    return typeof step === "number" ? step : void 0;
  } catch {
    return void 0;
  }
}

// src/noise-scale.ts
var initialNoiseScaleState = { squaredGradient: 0, variance: 0, weight: 0 };
function nextNoiseScaleState(state, norms, decay = 0.99) {
  const { smallBatch, smallSquaredNorm, largeBatch, largeSquaredNorm } = norms;
  if (!(largeBatch > smallBatch)) {
    throw new RangeError(`the noise scale needs two batch sizes, got ${smallBatch} and ${largeBatch}`);
  }
  const squaredGradient = (largeBatch * largeSquaredNorm - smallBatch * smallSquaredNorm) / (largeBatch - smallBatch);
  const variance = (smallSquaredNorm - largeSquaredNorm) / (1 / smallBatch - 1 / largeBatch);
  const smooth = (average, estimate) => decay * average + (1 - decay) * estimate;
  return {
    squaredGradient: smooth(state.squaredGradient, squaredGradient),
    variance: smooth(state.variance, variance),
    weight: smooth(state.weight, 1),
  };
}
function noiseScaleOf({ squaredGradient, variance, weight }) {
  const noiseScale = variance / squaredGradient;
  const known = weight > 0 && squaredGradient > 0 && variance > 0 && Number.isFinite(noiseScale);
  return known ? { noiseScale, suggestedBatchSize: Math.max(1, Math.round(noiseScale)) } : null;
}

// src/recipe.ts
// src/recipe-overrides.ts
import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isScalar as isScalar2,
  isSeq,
  LineCounter,
  parseDocument,
  parseDocument as parseDocument2,
  stringify,
} from "yaml";

function applyOverrides(configuration, overrides) {
  for (const [path, rawValue] of overrides) setField(configuration, path.split("."), overrideValue(rawValue));
}
function overrideValue(raw) {
  const { contents, errors } = parseDocument(raw, { prettyErrors: false });
  const plain = errors.length === 0 && (isScalar(contents) || (isCollection(contents) && contents.flow === true));
  return plain ? new Document(contents).toJS() : raw;
}
function setField(group, [name, ...rest], value) {
  const define = (inner) =>
    Object.defineProperty(group, name, { value: inner, writable: true, enumerable: true, configurable: true });
  if (rest.length === 0) {
    define(value);
    return;
  }
  const present = Object.getOwnPropertyDescriptor(group, name)?.value;
  const next = typeof present === "object" && present !== null ? present : {};
  if (next !== present) define(next);
  setField(next, rest, value);
}

// src/schema-outline.ts
import { z } from "zod";

var outlineOf = (schema) => z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
function outlineAt(outline, path, value) {
  let here = outline;
  let given = value;
  for (const key of path) {
    if (here === void 0) return void 0;
    here = child(here, key, given);
    given = given?.[key];
  }
  return here;
}
var fieldNames = (outline, value) => [
  ...new Set(groupsFor(outline, value).flatMap((group) => Object.keys(group.properties))),
];
function variantName(outline, value) {
  const [group, ...others] = groupsFor(outline, value);
  if (group === void 0 || others.length > 0) return void 0;
  const naming = Object.entries(group.properties).find(([, field]) => "const" in field);
  return naming && `${naming[0]} is ${naming[1].const}`;
}
var choices = (outline) =>
  variants(outline).flatMap((variant) => ("const" in variant ? [variant.const] : (variant.enum ?? [])));
function allPaths(outline) {
  const paths = variants(outline).flatMap((variant) =>
    Object.entries(variant.properties ?? {}).flatMap(([name, field]) => [
      name,
      ...allPaths(field).map((path) => `${name}.${path}`),
    ]),
  );
  return [...new Set(paths)];
}
function describe(outline) {
  const listed = choices(outline);
  const others = variants(outline).filter((variant) => !("const" in variant) && variant.enum === void 0);
  const words = [...new Set(others.filter(({ type }) => type !== "null").map(describeVariant))];
  if (listed.length > 0) words.unshift(listed.length === 1 ? `${listed[0]}` : `one of ${listed.join(", ")}`);
  if (others.some(({ type }) => type === "null")) words.push("null");
  return words.join(" or ");
}
var variants = (outline) => (outline.anyOf ?? outline.oneOf)?.flatMap((variant) => variants(variant)) ?? [outline];
function groupsFor(outline, value) {
  const groups = variants(outline).filter((variant) => variant.properties !== void 0);
  const fits = (group) =>
    Object.entries(group.properties).every(([name, field]) => !("const" in field) || value?.[name] === field.const);
  const fitting = groups.filter(fits);
  return fitting.length > 0 ? fitting : groups;
}
function child(outline, key, value) {
  if (typeof key === "number") {
    const list = variants(outline).find(({ type }) => type === "array");
    return list?.prefixItems?.[key] ?? (typeof list?.items === "object" ? list.items : void 0);
  }
  const name = String(key);
  const fields = groupsFor(outline, value).flatMap(({ properties }) =>
    Object.hasOwn(properties, name) ? [properties[name]] : [],
  );
  if (fields.length > 0) return fields.length === 1 ? fields[0] : { anyOf: fields };
  const named = variants(outline).find(({ additionalProperties }) => typeof additionalProperties === "object");
  return named?.additionalProperties;
}
function describeVariant(outline) {
  switch (outline.type) {
    case "integer":
    case "number": {
      const kind = outline.type === "integer" ? "a whole number" : "a number";
      return [kind, bounds(outline)].filter(Boolean).join(" ");
    }
    case "string":
      return (outline.minLength ?? 0) > 0 ? "text that is not empty" : "text";
    case "boolean":
      return "true or false";
    case "array":
      return (outline.minItems ?? 0) > 0 ? `a list of at least ${outline.minItems}` : "a list";
    case "object":
      return outline.properties ? `a group of fields (${Object.keys(outline.properties).join(", ")})` : "named values";
    default:
      return "a value of another kind";
  }
}
function bounds({ minimum: minimum2, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
  const parts = [];
  if (minimum2 !== void 0 && minimum2 > Number.MIN_SAFE_INTEGER) parts.push(`of at least ${minimum2}`);
  if (exclusiveMinimum !== void 0) parts.push(`above ${exclusiveMinimum}`);
  if (maximum !== void 0 && maximum < Number.MAX_SAFE_INTEGER) parts.push(`of at most ${maximum}`);
  if (exclusiveMaximum !== void 0) parts.push(`below ${exclusiveMaximum}`);
  if (multipleOf !== void 0) parts.push(`divisible by ${multipleOf}`);
  return parts.join(" and ");
}

// src/nearest-name.ts
import { distance } from "fastest-levenshtein";

function nearestName(name, candidates) {
  const wanted = bare(name);
  const near = candidates
    .map((candidate) => ({ candidate, edits: distance(wanted, bare(candidate)) }))
    .filter(({ edits }) => edits <= Math.max(1, Math.floor(wanted.length * 0.4)));
  return near.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}
var bare = (name) => name.toLowerCase().replace(/[-_]/g, "");

// src/schema-problems.ts
var problemsOf = (issues, refused) => issues.flatMap((issue) => problemsOfIssue(issue, refused));
function problemsOfIssue(issue, refused) {
  const path = issue.path.join(".");
  const given = valueAt(refused.value, issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join("."),
      message: unknownField(key, issue.path, refused),
    }));
  }
  if (issue.code === "custom") return [{ path, message: issue.message }];
  if (issue.code === "invalid_union") {
    const closest = closestBranch(issue);
    if (closest !== void 0) {
      return problemsOf(
        closest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
        refused,
      );
    }
  }
  const expected = outlineAt(refused.outline, issue.path, refused.value);
  const expectation = expected === void 0 ? issue.message : `expected ${describe(expected)}`;
  if (given === void 0) return [{ path, message: `missing; ${expectation}` }];
  const meant = typeof given === "string" && expected ? nearestName(given, choices(expected).map(String)) : void 0;
  return [{ path, message: `${expectation}; got ${shown2(given)}${meant ? `; did you mean ${meant}?` : ""}` }];
}
function unknownField(key, parent, { value, outline }) {
  const group = outlineAt(outline, parent, value);
  const given = valueAt(value, parent);
  const names = group === void 0 ? [] : fieldNames(group, given);
  const meant = nearestName(key, names) ?? nearestElsewhere(key, { outline, except: [...parent, key].join(".") });
  const variant = group === void 0 ? void 0 : variantName(group, given);
  return [
    `unknown field${variant ? ` where ${variant}` : ""}`,
    `expected one of ${names.join(", ")}`,
    ...(meant ? [`did you mean ${meant}?`] : []),
  ].join("; ");
}
function nearestElsewhere(key, { outline, except }) {
  const leaf = (path) => path.slice(path.lastIndexOf(".") + 1);
  const others = allPaths(outline).filter((path) => path !== except);
  const meant = nearestName(key, others.map(leaf));
  return meant && others.find((path) => leaf(path) === meant);
}
function closestBranch(issue) {
  return issue.errors
    .filter((branch) => branch.every(({ code, path }) => code !== "invalid_type" || path.length > 0))
    .sort((a, b) => a.length - b.length)[0];
}
var valueAt = (value, path) => path.reduce((inner, key) => inner?.[key], value);
function shown2(value) {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a group of fields";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

// src/recipe.ts
function parseRecipe(text, options) {
  const { schema, file = "recipe", overrides = [], check } = options;
  const lines = new LineCounter();
  const document = parseDocument2(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset) => `${file}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    const problems2 = document.errors.map(({ message, pos }) => ({
      path: "",
      message: `not YAML: ${message}`,
      where: at(pos[0]),
    }));
    throw new ConfigError(problems2);
  }
  const value = plainValue(document, file);
  applyOverrides(value, overrides);
  const located = (problems2) => {
    const written = problems2.map((problem) => {
      const offset = offsetOf(document, problem.path.split("."));
      const flag = overrides.findLast(([path]) => overlap(path, problem.path));
      if (flag) return { problem: { ...problem, where: `--${flag[0]}` }, order: Number.POSITIVE_INFINITY };
      return { problem: { ...problem, where: offset === void 0 ? file : at(offset) }, order: offset ?? -1 };
    });
    return new ConfigError(written.sort((a, b) => a.order - b.order).map(({ problem }) => problem));
  };
  const result = schema.safeParse(value);
  if (!result.success) {
    throw located(problemsOf(result.error.issues, { value, outline: outlineOf(schema) }));
  }
  const contradictions = check?.(result.data) ?? [];
  if (contradictions.length > 0) throw located(contradictions);
  return result.data;
}
var formatRecipe = (configuration) => stringify(configuration);
function plainValue(document, file) {
  const value = document.toJS() ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value;
  throw new ConfigError([{ path: "", message: "expected named fields, as in `train: { steps: 100 }`", where: file }]);
}
var overlap = (a, b) => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
function offsetOf(document, path) {
  let node = document.contents;
  let offset;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar2(item.key) && String(item.key.value) === key);
      offset = pair?.key?.range?.[0] ?? offset;
      node = pair?.value;
    } else {
      node = isSeq(node) ? node.items[Number(key)] : void 0;
      offset = node?.range?.[0] ?? offset;
    }
  }
  return offset;
}

// src/recipe-file.ts
import { readFileSync as readFileSync2 } from "node:fs";

function loadRecipe(path, options) {
  return parseRecipe(readText(path), { ...options, file: path });
}
function readText(path) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync2(path));
  } catch (error) {
    const { code, message } = error;
    const reasons = {
      ENOENT: "no such file",
      EISDIR: "a directory, not a recipe",
      EACCES: "not readable",
      ERR_ENCODING_INVALID_ENCODED_DATA: "not UTF-8 text",
    };
    throw new ConfigError([{ path: "", message: reasons[code ?? ""] ?? message, where: path }]);
  }
}

// src/run-checks.ts
var checkRunConfiguration = (sections) => [
  ...checkModel(sections),
  ...checkBatch(sections),
  ...checkSchedule(sections.train),
];
function checkModel({ model, data, parallel }) {
  return problems([
    data.sequenceLength > model.maxPositions && {
      path: "data.sequenceLength",
      message: `expected at most model.maxPositions (${model.maxPositions}); got ${data.sequenceLength}`,
    },
    model.numHeads % parallel.tensor !== 0 && {
      path: "parallel.tensor",
      message: `expected a divisor of model.numHeads (${model.numHeads}); got ${parallel.tensor}`,
    },
    model.numLayers % parallel.pipeline !== 0 && {
      path: "parallel.pipeline",
      message: `expected a divisor of model.numLayers (${model.numLayers}); got ${parallel.pipeline}`,
    },
  ]);
}
function checkBatch({ train, parallel }) {
  const { batchSize, microBatchSize, batchRamp } = train;
  const unit = microBatchSize * parallel.data;
  const multiple = `a multiple of train.microBatchSize x parallel.data (${microBatchSize} x ${parallel.data} = ${unit})`;
  const found = problems([
    batchSize % unit !== 0 && { path: "train.batchSize", message: `expected ${multiple}; got ${batchSize}` },
  ]);
  if (batchRamp === null) return found;
  const { start, increment } = batchRamp;
  return [
    ...found,
    ...problems([
      start % unit !== 0 && { path: "train.batchRamp.start", message: `expected ${multiple}; got ${start}` },
      increment % unit !== 0 && {
        path: "train.batchRamp.increment",
        message: `expected ${multiple}; got ${increment}`,
      },
      start >= batchSize && {
        path: "train.batchRamp.start",
        message: `expected less than train.batchSize (${batchSize}), which the ramp ends at; got ${start}`,
      },
      start < batchSize &&
        (batchSize - start) % increment !== 0 && {
          path: "train.batchRamp.increment",
          message: `expected a divisor of train.batchSize - start (${batchSize - start}); got ${increment}`,
        },
    ]),
  ];
}
function checkSchedule({ schedule, steps, optimizer, evaluation }) {
  const { warmupSteps: warmupSteps2 } = schedule;
  const minimum2 = "minimum" in schedule ? schedule.minimum : 0;
  const endStep2 = "endStep" in schedule ? schedule.endStep : void 0;
  const end = endStep2 ?? steps;
  const endName = endStep2 === void 0 ? "train.steps" : "train.schedule.endStep";
  return problems([
    warmupSteps2 > end && {
      path: "train.schedule.warmupSteps",
      message: `expected at most ${endName} (${end}); got ${warmupSteps2}`,
    },
    minimum2 > optimizer.learningRate && {
      path: "train.schedule.minimum",
      message: `expected at most train.optimizer.learningRate (${optimizer.learningRate}); got ${minimum2}`,
    },
    schedule.name === "wsd" &&
      warmupSteps2 + schedule.decaySteps > end && {
        path: "train.schedule.decaySteps",
        message: `expected at most ${endName} - warmupSteps (${end} - ${warmupSteps2}); got ${schedule.decaySteps}`,
      },
    schedule.name === "reduce-on-plateau" &&
      evaluation === null && {
        path: "train.schedule.name",
        message: "reduce-on-plateau watches the validation loss: expected train.evaluation; got null",
      },
  ]);
}
var problems = (checks) => checks.filter((check) => check !== false);

// src/run-configuration.ts
// src/train-configuration.ts
// src/schedule-configuration.ts
import { z as z2, z as z3, z as z4 } from "zod";

var warmupSteps = z2.int().min(0).default(0);
var minimum = z2.number().min(0).default(0);
var endStep = z2.int().min(1).optional();
var constantSchema = z2.strictObject({ name: z2.literal("constant"), warmupSteps });
var linearSchema = z2.strictObject({ name: z2.literal("linear"), warmupSteps, minimum, endStep });
var cosineSchema = z2.strictObject({ name: z2.literal("cosine"), warmupSteps, minimum, endStep });
var inverseSquareRootSchema = z2.strictObject({ name: z2.literal("inverse-square-root"), warmupSteps, minimum });
var wsdSchema = z2.strictObject({
  name: z2.literal("wsd"),
  warmupSteps,
  minimum,
  endStep,
  decaySteps: z2.int().min(1),
  decay: z2.enum(["linear", "cosine", "minus-square-root"]).default("minus-square-root"),
});
var plateauConfigSchema = z2.strictObject({
  name: z2.literal("reduce-on-plateau"),
  warmupSteps,
  minimum,
  factor: z2.number().gt(0).lt(1).default(0.1),
  patience: z2.int().min(0).default(10),
  threshold: z2.number().min(0).lt(1).default(1e-4),
  cooldown: z2.int().min(0).default(0),
});
var scheduleConfigSchema = z2.discriminatedUnion("name", [
  constantSchema,
  linearSchema,
  cosineSchema,
  inverseSquareRootSchema,
  wsdSchema,
  plateauConfigSchema,
]);

// src/train-configuration.ts
var adamWSchema = z3.strictObject({
  name: z3.literal("adamw"),
  /** Peak of the schedule. */
  learningRate: z3.number().gt(0),
  beta1: z3.number().min(0).lt(1).default(0.9),
  beta2: z3.number().min(0).lt(1).default(0.999),
  epsilon: z3.number().gt(0).default(1e-8),
  /** Decoupled; biases and norms have none. */
  weightDecay: z3.number().min(0).default(0.01),
});
var batchRampSchema = z3.strictObject({
  /** Samples in the first batches. */
  start: z3.int().min(1),
  /** By how many samples the batch grows at a time. */
  increment: z3.int().min(1),
  /** Samples consumed when the full batch size is reached; the growths are spread evenly over them. */
  samples: z3.int().min(1),
});
var evaluationSchema = z3.strictObject({
  /** In steps. */
  every: z3.int().min(1).default(200),
  /** Global batches of the validation split in one evaluation. */
  batches: z3.int().min(1).default(10),
});
var checkpointPolicySchema = z3.strictObject({
  /** In steps; the last step and an interruption always save. */
  every: z3.int().min(1).default(200),
  /** How many of the latest stay. */
  keepLast: z3.int().min(1).default(2),
  /** Whether the one with the lowest validation loss stays too. */
  keepBest: z3.boolean().default(true),
});
var logSchema = z3.strictObject({
  /** In steps. */
  every: z3.int().min(1).default(10),
  tensorboard: z3.boolean().default(true),
});
var trainConfigSchema = z3.strictObject({
  optimizer: adamWSchema,
  schedule: scheduleConfigSchema.default({ name: "constant", warmupSteps: 0 }),
  /** Global norm above which gradients are scaled down; null leaves them as they are. */
  clipNorm: z3.number().gt(0).nullable().default(1),
  /** Optimizer updates in the whole run. */
  steps: z3.int().min(1),
  /** Samples in one update, over all ranks and micro-batches. */
  batchSize: z3.int().min(1),
  /** Samples in one forward and backward pass of one rank. */
  microBatchSize: z3.int().min(1),
  batchRamp: batchRampSchema.nullable().default(null),
  evaluation: evaluationSchema.nullable().prefault({}),
  checkpoint: checkpointPolicySchema.prefault({}),
  log: logSchema.prefault({}),
  seed: z3.int().min(0).default(1234),
});
var runConfigSchema = z3.strictObject({ directory: z3.string().min(1) });
var engineConfigSchema = z3.strictObject({
  backend: z3.enum(["wasm", "cpu"]).nullable().default(null),
  threads: z3.int().min(1).nullable().default(null),
  precision: z3.enum(["f32"]).default("f32"),
});
var parallelConfigSchema = z3.strictObject({
  tensor: z3.int().min(1).default(1),
  pipeline: z3.int().min(1).default(1),
  data: z3.int().min(1).default(1),
});

// src/run-configuration.ts
function createRunConfigurationSchema(sections) {
  return z4.strictObject({
    model: sections.model,
    data: sections.data,
    train: trainConfigSchema,
    run: runConfigSchema,
    engine: engineConfigSchema.prefault({}),
    parallel: parallelConfigSchema.prefault({}),
  });
}

// src/plateau.ts
var initialPlateauState = { factor: 1, best: null, waited: 0, cooldown: 0 };
function nextPlateauState(state, loss, config) {
  const better = state.best === null ? !Number.isNaN(loss) : loss < state.best * (1 - config.threshold);
  const best = better ? loss : state.best;
  const cooling = state.cooldown > 0;
  const waited = better || cooling ? 0 : state.waited + 1;
  const cooldown = cooling ? state.cooldown - 1 : 0;
  if (waited <= config.patience) return { factor: state.factor, best, waited, cooldown };
  return { factor: state.factor * config.factor, best, waited: 0, cooldown: config.cooldown };
}

// src/schedules.ts
function createSchedule(config, options) {
  const { learningRate: peak } = options;
  const warmUp = (step) => (peak * (step + 1)) / (config.warmupSteps + 1);
  if (config.name === "reduce-on-plateau") {
    const state = options.state ?? initialPlateauState;
    const rate = Math.max(peak * state.factor, config.minimum);
    return {
      at: (step) => Math.min(warmUp(step), rate),
      next: (loss) => createSchedule(config, { ...options, state: nextPlateauState(state, loss, config) }),
      state,
    };
  }
  const schedule = {
    at: (step) => (step < config.warmupSteps ? warmUp(step) : afterWarmUp(config, step, options)),
    next: () => schedule,
    state: null,
  };
  return schedule;
}
function afterWarmUp(config, step, { learningRate: peak, steps }) {
  switch (config.name) {
    case "constant":
      return peak;
    case "inverse-square-root":
      return Math.max(peak * Math.sqrt((config.warmupSteps + 1) / (step + 1)), config.minimum);
    case "linear":
    case "cosine": {
      const start = config.warmupSteps;
      return decayed(config.name, { peak, minimum: config.minimum, step, start, end: config.endStep ?? steps });
    }
    case "wsd": {
      const end = config.endStep ?? steps;
      const start = Math.max(config.warmupSteps, end - config.decaySteps);
      return decayed(config.decay, { peak, minimum: config.minimum, step, start, end });
    }
  }
}
function decayed(shape, span) {
  const { peak, minimum: minimum2, step, start, end } = span;
  if (step <= start) return peak;
  if (step >= end) return minimum2;
  const progress = (step - start) / (end - start);
  return minimum2 + (peak - minimum2) * remaining[shape](progress);
}
var remaining = {
  linear: (progress) => 1 - progress,
  cosine: (progress) => (1 + Math.cos(Math.PI * progress)) / 2,
  // Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", section 3.
  "minus-square-root": (progress) => 1 - Math.sqrt(progress),
};

// src/stop.ts
import { constants } from "node:os";

var SIGNALS = ["SIGINT", "SIGTERM"];
var SAME_WISH_MILLISECONDS = 500;
var thisProcess = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
  now: () => performance.now(),
};
function listenForStop({ onRequest, host = thisProcess } = {}) {
  let requested = null;
  let since = 0;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      if (requested !== null) {
        if (host.now() - since >= SAME_WISH_MILLISECONDS) host.exit(128 + constants.signals[signal]);
        return;
      }
      requested = signal;
      since = host.now();
      onRequest?.(signal);
    };
    host.on(signal, listener);
    return { signal, listener };
  });
  return {
    get requested() {
      return requested;
    },
    dispose: () => {
      for (const { signal, listener } of listeners) host.off(signal, listener);
    },
  };
}

// src/tensorboard.ts
import { closeSync as closeSync2, mkdirSync, openSync as openSync2, writeSync as writeSync2 } from "node:fs";
import { join } from "node:path";

// src/tensorboard-event.ts
import protobuf from "protobufjs/light.js";

var { root } = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ["fileVersion", "summary", "sessionLog"] } },
      fields: {
        wallTime: { type: "double", id: 1 },
        step: { type: "int64", id: 2 },
        fileVersion: { type: "string", id: 3 },
        summary: { type: "Summary", id: 5 },
        sessionLog: { type: "SessionLog", id: 7 },
      },
    },
    Summary: {
      fields: { value: { rule: "repeated", type: "Value", id: 1 } },
      nested: { Value: { fields: { tag: { type: "string", id: 1 }, simpleValue: { type: "float", id: 2 } } } },
    },
    SessionLog: {
      fields: { status: { type: "Status", id: 1 } },
      nested: { Status: { values: { STATUS_UNSPECIFIED: 0, START: 1 } } },
    },
  },
});
var eventType = root.lookupType("Event");
var encodeEvent = (event) => eventType.encode(eventType.fromObject(event)).finish();

// src/tf-record.ts
import crc32c from "crc-32/crc32c.js";

function frameRecord(data) {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return framed;
}
function maskedCrc(data) {
  const crc = crc32c.buf(data) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 2726488792) >>> 0;
}

// src/tensorboard.ts
function openTensorBoard(directory, options) {
  const { resumedStep, now = () => Date.now() / 1e3 } = options;
  mkdirSync(directory, { recursive: true });
  const started = now();
  const [seconds, fraction] = started.toFixed(6).split(".");
  const name = `events.out.tfevents.${seconds.padStart(10, "0")}.${fraction}.step-${resumedStep}`;
  const file = openSync2(join(directory, name), "wx");
  const write = (event) => void writeSync2(file, frameRecord(encodeEvent(event)));
  write({ wallTime: started, fileVersion: "brain.Event:2" });
  write({ wallTime: started, step: resumedStep + 1, sessionLog: { status: "START" } });
  return {
    scalars: (step, values) => {
      const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
      write({ wallTime: now(), step, summary: { value } });
    },
    close: () => closeSync2(file),
  };
}

export {
  addStep,
  ConfigError,
  checkRunConfiguration,
  configurationDifferences,
  createRunConfigurationSchema,
  createSchedule,
  emptyInterval,
  engineConfigSchema,
  formatCount,
  formatDifference,
  formatDuration,
  formatEvaluation,
  formatQuantity,
  formatRecipe,
  formatReport,
  initialNoiseScaleState,
  listenForStop,
  loadRecipe,
  nextNoiseScaleState,
  noiseScaleOf,
  openMetricsLog,
  openTensorBoard,
  parallelConfigSchema,
  parseRecipe,
  plateauConfigSchema,
  reportInterval,
  runConfigSchema,
  scheduleConfigSchema,
  trainConfigSchema,
};
