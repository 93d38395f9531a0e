/** Rotary positions, forward and backward. */
import { FLOAT, type Kernels, type Run, taking } from "../kernel.ts";
import { checkSameShapes } from "./arguments.ts";

const rotary: Run = ({ inputs: { x, cosines, sines }, attrs: { inverse }, backend }) => {
  const [, , heads, size] = x!.shape as [number, number, number, number];
  checkSameShapes("rotary", [cosines!.shape, sines!.shape]);
  checkSameShapes("rotary", [cosines!.shape.slice(0, 2), x!.shape.slice(0, 2)]);
  const [values, c, s] = [backend.handleOf(x!), backend.handleOf(cosines!), backend.handleOf(sines!)];
  return backend.output(backend.engine.rotary(values, c, s, heads, size, inverse), x!.shape);
};

export const rotaryKernels: Kernels = taking(FLOAT, { MegatronRotary: rotary });
