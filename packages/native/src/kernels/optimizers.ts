/** Muon, and averages of weights: kernels that update tensors in place. */
import { FLOAT, type Kernels, type Run, taking } from "../kernel.ts";

/** Newton-Schulz converges in five. */
const MOST_STEPS = 100;

const muon: Run = ({ inputs, attrs: { rates, decays, precision, ...call }, backend }) => {
  if (!Number.isInteger(call.steps) || call.steps < 0 || call.steps > MOST_STEPS) {
    throw new Error(`Muon: expected 0 to ${MOST_STEPS} Newton-Schulz steps, got ${call.steps}`);
  }
  backend.refuseCapture("Muon's rates are those of a step");
  const handles = new Uint32Array(3 * rates.length);
  const numbers = new Float64Array(4 * rates.length);
  for (let i = 0; i < rates.length; i++) {
    ["p", "g", "m"].forEach((role, j) => {
      handles[3 * i + j] = backend.handleOf(inputs[`${role}${i}`]!);
    });
    const [rows, columns] = inputs[`p${i}`]!.shape as [number, number];
    numbers.set([rows, columns, rates[i], decays[i]], 4 * i);
  }
  backend.engine.muon(handles, numbers, { ...call, bf16: precision === "bf16" });
  return [];
};

const movingAverage: Run = ({ inputs, attrs: { decay }, backend }) => {
  backend.refuseCapture("an average's decay is that of a step");
  const handles: number[] = [];
  for (let i = 0; inputs[`a${i}`]; i++) {
    handles.push(backend.handleOf(inputs[`a${i}`]!), backend.handleOf(inputs[`x${i}`]!));
  }
  backend.engine.movingAverage(Uint32Array.from(handles), decay);
  return [];
};

export const optimizerKernels: Kernels = taking(FLOAT, { MegatronMuon: muon, MegatronMovingAverage: movingAverage });
