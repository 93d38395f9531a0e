/** The counting engine as an addon: the same kernels by the same names. A test compares them with the compiled addon's. */
import { INTERFACE_VERSION, type NativeAddon } from "../native-addon.ts";
import { CountingEngine } from "./engine.ts";
import { KIND_NAMES } from "./pool.ts";

const unary =
  "Abs Ceil ClipByValue Cos Elu Erf Exp Expm1 Floor LeakyRelu Log Log1p Neg Reciprocal Relu Relu6 Round Rsqrt Sigmoid Sign " +
  "Sin Sqrt Square Step Tanh GeluTanh GeluErf MegatronSquaredRelu";
const binary =
  "Add Sub Multiply RealDiv FloorDiv Maximum Minimum SquaredDifference Pow Mod GeluTanhGradient GeluErfGradient " +
  "SquaredReluGradient";

/** What `loadNative`'s kernels need of an addon, without a binary. */
export const countingAddon: NativeAddon = {
  Engine: CountingEngine,
  interfaceVersion: () => INTERFACE_VERSION,
  instructionSets: () => [],
  limitInstructionSets() {},
  kinds: () => [...KIND_NAMES],
  unaryKernels: () => unary.split(" "),
  binaryKernels: () => binary.split(" "),
  integerKernels: () => ["Add", "Sub", "Multiply", "FloorDiv", "Maximum", "Minimum", "SquaredDifference"],
  comparisonKernels: () => "Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr".split(" "),
  predicateKernels: () => ["IsNan", "IsInf", "IsFinite", "LogicalNot"],
  activations: () => ["none", "gelu-tanh", "gelu-erf", "relu", "squared-relu", "silu"],
  reductionKernels: () => ["Sum", "Mean", "Prod", "Max", "Min", "Any", "All"],
};
