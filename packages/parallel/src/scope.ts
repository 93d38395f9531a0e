/**
 * Declares weights: name, shape, initial values and split, once. Initialization, loading, sharding, optimizer groups,
 * counting and checkpoint names all come from here. Knows no layers and no files.
 */
import * as tf from "@tensorflow/tfjs";
import { ParallelError } from "./errors.ts";
import { type Initializer, initialValues } from "./initializers.ts";
import type { Axis, Mesh } from "./mesh.ts";
import { padded } from "./parts.ts";

/** The dimension along which a weight is split, and the axis of the mesh it is split over. */
export interface Placement {
  dimension: number;
  axis: Axis;
  /**
   * Whether rows of zeros fill up a dimension that the ranks do not divide. They exist in memory only: neither losses nor
   * checkpoints know them. Default: false, such a dimension is refused.
   */
  padded?: boolean;
}

/**
 * What a weight is to an optimizer, which may treat each kind differently: a matrix between hidden states, a table of
 * embeddings, the projection to outputs, or else (norms, biases, gains) "scalar".
 */
export type ParameterKind = "matrix" | "embedding" | "head" | "scalar";

/** A weight as declared, before it has values. */
export interface ParameterDeclaration {
  /** Full dotted name: `layers.0.attention.query.weight`. */
  readonly name: string;
  /** Shape of the part that this rank holds, with the rows that fill it up. */
  readonly shape: readonly number[];
  /** Without those rows. */
  readonly heldShape: readonly number[];
  /** Shape of the unsplit weight. */
  readonly globalShape: readonly number[];
  /** Index, in the unsplit weight, of the first element held here. */
  readonly origin: readonly number[];
  readonly placement: Placement | null;
  readonly initializer: Initializer;
  /** Whether weight decay applies: by default to matrices, not to biases and norms. */
  readonly decay: boolean;
  /** Whether each rank of the tensor axis has a part of the gradient, which must be added. Default: false. */
  readonly partialGradient: boolean;
  /** By default "matrix" for two dimensions with decay, else "scalar". */
  readonly kind: ParameterKind;
}

/** A declared weight with its values. */
export interface Parameter extends ParameterDeclaration {
  /** Whether training leaves it as it is: it has no gradient and no optimizer state. */
  readonly frozen: boolean;
  /** The values held here. Throws in a model created with `shapeOnly`. */
  readonly tensor: tf.Tensor;
}

/** Provides the values of a declared weight, from a seed or a file; null where only shapes matter. */
export type ParameterSource = (declaration: ParameterDeclaration) => tf.Tensor | null;

/** Parameters by name, in the order they were declared in. */
export type Parameters = ReadonlyMap<string, Parameter>;

/** Low-rank adapters of linear layers (LoRA, Hu et al. 2022): W x + (alpha / rank) B A x, of which W is not trained. */
export interface AdapterConfig {
  rank: number;
  alpha: number;
  /** Ends of the paths of linear layers, such as "query" or "feedForward.input"; or all of those in the blocks. */
  targets: readonly string[] | "all";
  /** Of the adapters' inputs, 0..1. */
  dropout: number;
}

/** A path in the tree of weights, through which layers declare them. */
export interface Scope {
  /** Dotted path of this scope; "" at the root. */
  readonly path: string;
  readonly mesh: Mesh;
  /** The adapters that linear layers are to have; null for none. */
  readonly adapter: AdapterConfig | null;
  /** The scope of a sub-layer. */
  child(name: string | number): Scope;
  /**
   * Declares a weight. `decay` defaults to true for two or more dimensions.
   * @throws ParallelError if the split leaves a remainder
   */
  parameter(
    name: string,
    globalShape: readonly number[],
    initializer: Initializer,
    options?: { placement?: Placement; decay?: boolean; kind?: ParameterKind; partialGradient?: boolean },
  ): Parameter;
  /** The parameters declared so far at or below this path. */
  declared(): Parameter[];
}

/** What weights are declared for. */
export interface ScopeOptions {
  mesh: Mesh;
  source: ParameterSource;
  /**
   * Whether this rank has a parameter, of those that belong to another stage of a pipeline. Those that it has not are not
   * collected, and get no values. Default: it has all.
   */
  holds?: (name: string) => boolean;
  adapter?: AdapterConfig | null;
  /** Whether training leaves the weight of a name as it is. Default: it trains all. */
  isFrozen?: (name: string) => boolean;
}

/** Creates a root scope, and the map that collects the parameters declared through it. */
export function createScope({
  mesh,
  source,
  holds = () => true,
  adapter = null,
  isFrozen = () => false,
}: ScopeOptions): {
  scope: Scope;
  parameters: Parameters;
} {
  const parameters = new Map<string, Parameter>();
  const elsewhere = new Set<string>();

  const scopeAt = (path: string): Scope => ({
    path,
    mesh,
    adapter,
    child: (name) => scopeAt(join(path, String(name))),
    parameter(name, globalShape, initializer, options = {}) {
      const declaration = declare({ name: join(path, name), globalShape, initializer, mesh, ...options });
      const { name: full } = declaration;
      if (parameters.has(full) || elsewhere.has(full)) throw new Error(`the parameter ${full} is declared twice`);
      const isHere = holds(full);
      const tensor = isHere ? source(declaration) : null;
      const parameter: Parameter = {
        ...declaration,
        frozen: isFrozen(declaration.name),
        get tensor() {
          if (!isHere) throw new Error(`${full} is on another stage of the pipeline`);
          if (!tensor) throw new Error(`${full} was declared by shape only and has no values`);
          return tensor;
        },
      };
      if (isHere) parameters.set(full, parameter);
      else elsewhere.add(full);
      return parameter;
    },
    declared: () => [...parameters.values()].filter(({ name }) => path === "" || name.startsWith(`${path}.`)),
  });
  return { scope: scopeAt(""), parameters };
}

const join = (path: string, name: string) => (path ? `${path}.${name}` : name);

function declare({
  name,
  globalShape,
  initializer,
  placement,
  decay = globalShape.length >= 2,
  kind = globalShape.length === 2 && decay ? "matrix" : "scalar",
  partialGradient = false,
  mesh,
}: {
  name: string;
  globalShape: readonly number[];
  initializer: Initializer;
  placement?: Placement;
  decay?: boolean;
  kind?: ParameterKind;
  partialGradient?: boolean;
  mesh: Mesh;
}): ParameterDeclaration {
  const shape = [...globalShape];
  const heldShape = [...globalShape];
  const origin = globalShape.map(() => 0);
  if (placement) {
    const { size, rank } = mesh[placement.axis];
    const { dimension, axis, padded = false } = placement;
    const whole = globalShape[dimension]!;
    const part = Math.ceil(whole / size);
    if (whole !== part * size && (!padded || part * (size - 1) >= whole)) {
      throw new ParallelError(
        `${name} [${globalShape}] cannot be split over ${size} ranks of the ${axis} axis: ` +
          `dimension ${dimension} (${whole}) is not divisible by ${size}`,
      );
    }
    shape[dimension] = part;
    origin[dimension] = rank * part;
    heldShape[dimension] = Math.min(part, whole - rank * part);
  }
  return {
    ...{ name, shape, heldShape, globalShape, origin, placement: placement ?? null },
    ...{ initializer, decay, kind, partialGradient },
  };
}

/** Draws values from a seed, by each weight's initializer. */
export function fromSeed(seed: number): ParameterSource {
  return (declaration) => {
    const { initializer, heldShape } = declaration;
    const values = initialValues(initializer, { seed, ...declaration, shape: heldShape });
    return tf.keep(tf.tidy(() => padded(tf.tensor(values, [...heldShape]), declaration)));
  };
}

/** Gives no values: names and counts the weights of a model of any size without allocating them. */
export const shapeOnly: ParameterSource = () => null;

/** The parameters that training changes. */
export function trainedParameters(parameters: Parameters): Parameters {
  const trained = [...parameters].filter(([, { frozen }]) => !frozen);
  return trained.length === parameters.size ? parameters : new Map(trained);
}

/** Counts the weights of the whole model, over all ranks of the tensor axis. */
export function countParameters(parameters: Parameters): number {
  let total = 0;
  for (const { globalShape } of parameters.values()) total += globalShape.reduce((product, size) => product * size, 1);
  return total;
}
