/** Elementwise functions, comparisons, selection, casts and fills. */
import * as tf from "@tensorflow/tfjs";
import type { NativeBackend } from "../backend.ts";
import { fallback } from "../fallback.ts";
import { ANY, type Call, FLOAT, type Kernels, NUMERIC, type Run, sizeOf, taking } from "../kernel.ts";
import type { NativeAddon } from "../native-addon.ts";
import type { Handle } from "../native-data.ts";
import { KIND_OF } from "../native-data.ts";
import { checkSameShapes, checkSizes } from "./arguments.ts";

/** Attributes that a unary kernel takes as parameters. */
const PARAMETERS: Record<string, (attrs: Call["attrs"]) => [number, number]> = {
  ClipByValue: ({ clipValueMin, clipValueMax }) => [clipValueMin, clipValueMax],
  LeakyRelu: ({ alpha }) => [alpha, 0],
  Step: ({ alpha }) => [alpha, 0],
};

const NO_SHAPES = new Float64Array(0);

/** The shapes of two operands as the engine takes them: empty if they are equal. */
function shapesOf(a: readonly number[], b: readonly number[]): Float64Array {
  return tf.util.arraysEqual(a as number[], b as number[]) ? NO_SHAPES : Float64Array.of(a.length, ...a, ...b);
}

function unary(op: number, name: string): Run {
  const parameters = PARAMETERS[name];
  return ({ inputs: { x }, attrs, backend }) => {
    const [first, second] = parameters ? parameters(attrs) : [0, 0];
    return backend.output(backend.engine.unary(op, backend.handleOf(x!), first, second), x!.shape);
  };
}

type TwoOperands = (backend: NativeBackend, a: Handle, b: Handle, shapes: Float64Array) => Handle;

function binary(run: TwoOperands, dtype?: tf.DataType): Run {
  return ({ inputs: { a, b }, backend }) => {
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape, b!.shape);
    const handle = run(backend, backend.handleOf(a!), backend.handleOf(b!), shapesOf(a!.shape, b!.shape));
    return backend.output(handle, shape, dtype ?? a!.dtype);
  };
}

const select: Run = ({ inputs: { condition, t, e }, backend }) => {
  const size = sizeOf(t!.shape);
  // tfjs does not broadcast tensors without elements, so e may have another shape.
  if (size === 0) return backend.share(t!, t!.shape);
  checkSameShapes("Select", [t!.shape, e!.shape]);
  // A condition per row, or per element.
  const rows = condition!.shape.length === 1 ? t!.shape.slice(0, 1) : t!.shape;
  checkSameShapes("Select", [condition!.shape, rows]);
  const repeat = size / sizeOf(rows);
  const handle = backend.engine.select(
    backend.handleOf(condition!),
    repeat,
    backend.handleOf(t!),
    backend.handleOf(e!),
  );
  return backend.output(handle, t!.shape, t!.dtype);
};

const castOnCpu = fallback("Cast");

const cast: Run = (call) => {
  const { x } = call.inputs;
  const { backend } = call;
  const { dtype } = call.attrs;
  if (dtype === x!.dtype) return backend.share(x!, x!.shape);
  if (!(dtype in KIND_OF)) return castOnCpu(call);
  const kind = backend.kinds[KIND_OF[dtype as keyof typeof KIND_OF]]!;
  return backend.output(backend.engine.cast(backend.handleOf(x!), kind), x!.shape, dtype);
};

const fillOnCpu = fallback("Fill");

const fill: Run = (call) => {
  const { shape, value, dtype } = call.attrs;
  const { backend } = call;
  const type = (dtype ?? tf.util.inferDtype(value)) as keyof typeof KIND_OF;
  if (!(type in KIND_OF)) return fillOnCpu(call);
  checkSizes("Fill", shape);
  return backend.output(backend.engine.fill(backend.kinds[KIND_OF[type]]!, sizeOf(shape), value), shape, type);
};

const filledLike =
  (value: number): Run =>
  ({ inputs: { x }, backend }) => {
    const { shape, dtype } = x!;
    const kind = backend.kinds[KIND_OF[dtype as keyof typeof KIND_OF]]!;
    return backend.output(backend.engine.fill(kind, sizeOf(shape), value), shape, dtype);
  };

const range: Run = ({ attrs: { start, stop, step: given, dtype }, backend }) => {
  // As on tfjs's own backends, the default step counts down where it must.
  const step = given === 1 && stop < start ? -1 : given;
  const length = start === stop || Math.sign(stop - start) !== Math.sign(step) ? 0 : Math.ceil((stop - start) / step);
  checkSizes("Range", [length]);
  const values = dtype === "int32" ? new Int32Array(length) : new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = start + i * step;
  return { dataId: backend.write(values, [length], dtype), shape: [length], dtype };
};

/** Sums any number of tensors of one shape. */
const addN =
  (add: number): Run =>
  ({ inputs, backend }) => {
    const terms = Object.values(inputs);
    checkSameShapes(
      "AddN",
      terms.map(({ shape }) => shape),
    );
    if (terms.length === 1) return backend.share(terms[0]!, terms[0]!.shape);
    let total = backend.engine.binary(add, backend.handleOf(terms[0]!), backend.handleOf(terms[1]!), NO_SHAPES);
    for (const term of terms.slice(2)) {
      const sum = total;
      try {
        total = backend.engine.binary(add, sum, backend.handleOf(term), NO_SHAPES);
      } finally {
        backend.engine.free(sum);
      }
    }
    return backend.output(total, terms[0]!.shape, terms[0]!.dtype);
  };

export function elementwiseKernels(addon: NativeAddon): Kernels {
  const kernels: Kernels = {};
  addon.unaryKernels().forEach((name, op) => {
    kernels[name] = { dtypes: FLOAT, run: unary(op, name) };
  });
  const integers = new Set(addon.integerKernels());
  addon.binaryKernels().forEach((name, op) => {
    const run = binary((backend, a, b, shapes) => backend.engine.binary(op, a, b, shapes));
    kernels[name] = { dtypes: name === "FloorDiv" ? ["int32"] : integers.has(name) ? NUMERIC : FLOAT, run };
  });
  addon.comparisonKernels().forEach((name, op) => {
    const run = binary((backend, a, b, shapes) => backend.engine.compare(op, a, b, shapes), "bool");
    kernels[name] = { dtypes: name.startsWith("Logical") ? ["bool"] : ANY, run };
  });
  addon.predicateKernels().forEach((name, op) => {
    kernels[name] = {
      dtypes: name === "LogicalNot" ? ["bool"] : FLOAT,
      run: ({ inputs: { x }, backend }) =>
        backend.output(backend.engine.predicate(op, backend.handleOf(x!)), x!.shape, "bool"),
    };
  });
  const gelu = (dyFirst: boolean) => {
    const [tanh, erf] = dyFirst ? ["GeluTanhGradient", "GeluErfGradient"] : ["GeluTanh", "GeluErf"];
    return (call: Call) => kernels[call.attrs.approximate === "tanh" ? tanh! : erf!]!.run(call);
  };
  const geluGradient = gelu(true);
  return {
    ...kernels,
    MegatronGelu: { dtypes: FLOAT, run: gelu(false) },
    MegatronGeluGradient: {
      dtypes: FLOAT,
      run: ({ inputs: { dy, x }, ...rest }) => geluGradient({ inputs: { a: dy!, b: x! }, ...rest }),
    },
    MegatronSquaredReluGradient: {
      dtypes: FLOAT,
      run: ({ inputs: { dy, x }, ...rest }) => kernels.SquaredReluGradient!.run({ inputs: { a: dy!, b: x! }, ...rest }),
    },
    AddN: { dtypes: NUMERIC, run: addN(addon.binaryKernels().indexOf("Add")) },
    ...taking(ANY, {
      Select: select,
      Fill: fill,
      ZerosLike: filledLike(0),
      OnesLike: filledLike(1),
      Range: range,
    }),
    Cast: { dtypes: ANY, run: cast },
  };
}
