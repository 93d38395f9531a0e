/** Matches the tensors of a model directory to our weights, and reports every mismatch at once, by both names. */
import type { ForeignWeight, HuggingFaceFormat, ModelConfig } from "@megatron-ts/model";
import type { Parameters } from "@megatron-ts/parallel";
import { userError } from "../errors.ts";
import type { TensorDescription } from "../tensor-entry.ts";

/** Shape of the tensor that contains a weight: ours, transposed and widened by the number of parts that share it. */
function foreignShape(shape: readonly number[], { transposed, part, shape: given }: ForeignWeight): readonly number[] {
  if (given) return given;
  const turned = transposed ? shape.toReversed() : [...shape];
  if (part) turned[turned.length - 1] = turned.at(-1)! * part.count;
  return turned;
}

/**
 * Maps our names to the tensors of a directory, each under whichever of its names is present.
 * @throws CheckpointError with a line for every missing, unexpected or misshaped tensor
 */
export function matchTensors(
  tensors: { readonly names: readonly string[]; info(name: string): TensorDescription },
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
  for (const { name, globalShape } of parameters.values()) {
    const theirs = names.get(name);
    if (!theirs) throw new Error(`the format ${format.modelType} has no name for ${name}`);
    const found = [theirs.name, ...format.aliases(theirs.name)].find((candidate) => present.has(candidate));
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
    matched.set(name, { ...theirs, name: found });
  }
  for (const name of present) {
    if (!used.has(name) && !format.ignoredTensors.some((pattern) => pattern.test(name))) {
      problems.push(`unexpected: ${name} [${tensors.info(name).shape}]`);
    }
  }
  if (problems.length > 0) {
    throw userError(`${source} does not fit its config.json:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  }
  return matched;
}
