/**
 * Checks of a model against a golden fixture (fixtures/README.md): a tiny model in Hugging Face's format, its inputs,
 * and what the Python reference computes from them. Each check throws where the model differs. Used by tests alone.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createModel,
  type ForeignWeight,
  type GptConfig,
  type HuggingFaceConfig,
  type ModelConfigInput,
} from "@megatron-ts/model";
import { vjp } from "@megatron-ts/ops";
import type { ParameterSource, Parameters } from "@megatron-ts/parallel";
import * as tf from "@tensorflow/tfjs";
import { foreignSource, readForeignWeight } from "../foreign-weights.ts";
import { openSafetensors, type SafetensorsFile } from "../safetensors.ts";

export type NameMap = ReadonlyMap<string, ForeignWeight>;

export interface Fixture {
  readonly name: string;
  /** Its config.json. */
  readonly config: HuggingFaceConfig;
  /** Its golden.json: the loss, other numbers, and `zeroGradients`. */
  readonly facts: Readonly<Record<string, unknown>> & { loss: number };
  /** The weights, in the foreign format. */
  readonly weights: SafetensorsFile;
  /** A tensor of golden.safetensors, float32 or int32: "input.input_ids". The caller disposes it. */
  tensor(name: string): tf.Tensor;
  /** Values of a float32 tensor of golden.safetensors: "output.logits". */
  floats(name: string): Float32Array;
  /** Values of an int32 tensor of golden.safetensors. */
  ints(name: string): Int32Array;
  readonly golden: SafetensorsFile;
}

/** The fixture of that directory of fixtures/. */
export function openFixture(name: string): Fixture {
  const path = (file: string) => fileURLToPath(new URL(`../../../../fixtures/${name}/${file}`, import.meta.url));
  const json = (file: string) => JSON.parse(readFileSync(path(file), "utf8"));
  const golden = openSafetensors(path("golden.safetensors"));
  const ints = (tensor: string) => new Int32Array(golden.read(tensor).buffer);
  const floats = (tensor: string) => new Float32Array(golden.read(tensor).buffer);
  return {
    name,
    config: json("config.json"),
    facts: json("golden.json"),
    weights: openSafetensors(path("model.safetensors")),
    golden,
    ints,
    floats,
    tensor(tensor) {
      const { dtype, shape } = golden.info(tensor);
      return dtype === "I32" ? tf.tensor(ints(tensor), [...shape], "int32") : tf.tensor(floats(tensor), [...shape]);
    },
  };
}

/**
 * The fixture's model, every weight read through the map of names. Throws too where the file has a tensor that no name
 * points at. `change` may replace the source of weights, to build a wrong model.
 */
export function buildModel<Config extends ModelConfigInput>(
  fixture: Fixture,
  {
    config,
    names,
    change = (source) => source,
  }: { config: Config; names: NameMap; change?: (source: ParameterSource) => ParameterSource },
) {
  const model = createModel(config, { weights: { source: change(foreignSource(fixture.weights, names)) } });
  const read = new Set([...model.parameters.keys()].map((name) => names.get(name)?.name));
  const unread = fixture.weights.names.filter((name) => !read.has(name));
  if (unread.length > 0) throw new Error(`${fixture.name}: no weight of ours lies in ${unread.join(", ")}`);
  return model;
}

function largest(values: ArrayLike<number>) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

/** Every value within `tolerance` times the largest expected one. */
export function expectClose(
  actual: tf.Tensor | ArrayLike<number>,
  expected: ArrayLike<number>,
  { what, tolerance = 1e-4, scale = largest(expected) }: { what: string; tolerance?: number; scale?: number },
): void {
  const values = actual instanceof tf.Tensor ? actual.dataSync() : actual;
  if (values.length !== expected.length) {
    throw new Error(`${what}: ${values.length} values, expected ${expected.length}`);
  }
  const allowed = tolerance * scale;
  for (let i = 0; i < expected.length; i++) {
    // Negated, so that NaN fails.
    if (!(Math.abs(values[i]! - expected[i]!) <= allowed)) {
      throw new Error(`${what}[${i}]: ${values[i]}, expected ${expected[i]} within ${allowed}`);
    }
  }
}

/** An `observe` that records what it sees, for `seen.get("layers.0.output")`. */
export function recorder(): {
  seen: ReadonlyMap<string, ArrayLike<number>>;
  observe: (name: string, tensor: tf.Tensor) => void;
} {
  const seen = new Map<string, ArrayLike<number>>();
  return { seen, observe: (name, tensor) => void seen.set(name, tensor.dataSync()) };
}

/**
 * The loss within 1e-4 of `expected` (the fixture's unless given), and every gradient g of it by the rule
 * max|g - ref| <= 1e-4 max(max|ref| of the tensor, 1e-3 max|ref| of the model). Every parameter must have a gradient
 * and every golden gradient must have been compared.
 */
export function checkGradients(
  fixture: Fixture,
  {
    parameters,
    names,
    loss,
    expected = fixture.facts.loss,
  }: { parameters: Parameters; names: NameMap; loss: () => tf.Tensor; expected?: number },
): void {
  const { golden } = fixture;
  const own = [...parameters.values()];
  const { outputs, pullback } = vjp(loss, [], { parameters: own.map(({ tensor }) => tensor) });
  expectClose(outputs[0]!, [expected], { what: `${fixture.name}: loss` });
  const one = tf.onesLike(outputs[0]!);
  const gradients = pullback([one]).parameters;
  const reader = {
    info: (name: string) => golden.info(`gradient.${name}`),
    read: (name: string) => golden.read(`gradient.${name}`),
  };
  const foreign = golden.names.filter((name) => name.startsWith("gradient."));
  const modelLargest = Math.max(...foreign.map((name) => largest(fixture.floats(name))));
  const compared = new Set<string>();
  own.forEach(({ name }, i) => {
    const theirs = names.get(name)!;
    const gradient = gradients[i];
    if (!gradient) throw new Error(`${fixture.name}: no gradient arrived at ${name}`);
    const reference = readForeignWeight(reader, theirs).values;
    const scale = Math.max(largest(reference), 1e-3 * modelLargest);
    expectClose(gradient, reference, { what: `${fixture.name}: gradient of ${name}`, scale });
    compared.add(`gradient.${theirs.name}`);
  });
  const missed = foreign.filter((name) => !compared.has(name));
  if (missed.length > 0) throw new Error(`${fixture.name}: never compared ${missed.join(", ")}`);
  tf.dispose([...outputs, one, ...gradients.filter((gradient) => gradient !== null)]);
}

/** The embeddings, the first block's output, the last norm's and the logits of a decoder of two layers. */
export function expectDecoderOutputs(
  fixture: Fixture,
  model: ReturnType<typeof buildModel<GptConfig>>,
  tokens: tf.Tensor,
): void {
  const { seen, observe } = recorder();
  const logits = model.logits(model.forward({ tokens }, { observe }).hidden);
  for (const [ours, theirs] of [
    ["embedding", "output.hidden_states.0"],
    ["layers.0.output", "output.hidden_states.1"],
    ["finalNorm", "output.hidden_states.2"],
  ] as const) {
    expectClose(seen.get(ours)!, fixture.floats(theirs), { what: ours });
  }
  expectClose(logits, fixture.floats("output.logits"), { what: "logits" });
}
