/** Matches the tensors of a model directory to our weights, and reports every mismatch at once, by both names. */
import type { ForeignWeight, HuggingFaceFormat, ModelConfig } from "@megatron-ts/model";
import type { Parameters } from "@megatron-ts/parallel";
import { listed, userError } from "../errors.ts";
import { haveSameValues, type TensorSource } from "../foreign-weights.ts";

/** Shape of the tensor that contains a weight: ours, transposed and widened by the number of parts that share it. */
function foreignShape(
  shape: readonly number[],
  { transposed, part, rows, shape: given }: ForeignWeight,
): readonly number[] {
  if (given) return given;
  if (rows) return [rows.of, ...shape.slice(1)];
  const turned = transposed ? shape.toReversed() : [...shape];
  if (part) turned[turned.length - 1] = turned.at(-1)! * part.count;
  return turned;
}

/**
 * Maps our names to the tensors of a directory, each under whichever of its names is present.
 * @throws CheckpointError with a line for each missing, unexpected or misshaped tensor (20 at most)
 */
export function matchTensors(
  tensors: TensorSource & { readonly names: readonly string[] },
  {
    format,
    config,
    parameters,
    source,
  }: { format: HuggingFaceFormat; config: ModelConfig; parameters: Parameters; source: string },
): Map<string, ForeignWeight> {
  const present = new Set(tensors.names);
  const matched = new Map<string, ForeignWeight>();
  const used = new Set<string>();
  const problems: string[] = [];
  const names = format.names(config);
  const shared = format.shared(config);
  const spellings = (name: string) => [name, ...format.aliases(name)];
  /** Every name that a file may have for a tensor, the one that the reference computes with first. */
  const candidates = (name: string) => {
    const others = shared.filter(({ of }) => of === name);
    const winners = others.filter(({ wins }) => wins);
    return [...winners.map((other) => other.name), name, ...others.map((other) => other.name)].flatMap(spellings);
  };
  for (const { name, globalShape } of parameters.values()) {
    const theirs = names.get(name);
    if (!theirs) throw new Error(`the format ${format.modelType} has no name for ${name}`);
    const found = candidates(theirs.name).find((candidate) => present.has(candidate));
    if (found === undefined) {
      problems.push(`missing: ${theirs.name} (our ${name}, [${foreignShape(globalShape, theirs)}])`);
      continue;
    }
    const { shape } = tensors.info(found);
    const expected = foreignShape(globalShape, theirs);
    if (shape.join() !== expected.join()) {
      problems.push(`wrong shape: ${found} is [${shape}], expected [${expected}] (our ${name})`);
    }
    used.add(found);
    for (const { name: other, of, wins } of shared.filter(({ of }) => of === theirs.name)) {
      for (const copy of [...spellings(other), ...spellings(of)]) {
        if (copy === found || !present.has(copy)) continue;
        used.add(copy);
        if (!wins && !haveSameValues(tensors, found, copy)) {
          problems.push(`${copy} differs from ${found}: this model has one weight for both (our ${name})`);
        }
      }
    }
    matched.set(name, { ...theirs, name: found });
  }
  for (const name of present) {
    if (!used.has(name) && !format.ignoredTensors.some((pattern) => pattern.test(name))) {
      problems.push(`unexpected: ${name} [${tensors.info(name).shape}]`);
    }
  }
  if (problems.length > 0) {
    throw userError(`${source} does not fit its config.json:${listed(problems)}`);
  }
  return matched;
}
