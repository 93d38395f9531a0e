/** Kernels that update tensors in place, the optimizer and the key/value cache, and the norm that the optimizer needs. */
import { ANY, FLOAT, type Kernels, type Run, taking } from "../kernel.ts";

const sumOfSquares: Run = ({ inputs, backend }) => {
  const handles = Uint32Array.from(Object.values(inputs), (tensor) => backend.handleOf(tensor));
  return backend.output(backend.engine.sumOfSquares(handles), []);
};

const adamW: Run = ({ inputs, attrs: { weightDecays, ...call }, backend }) => {
  backend.refuseCapture("AdamW's rates are those of a step");
  const handles = new Uint32Array(4 * weightDecays.length);
  for (let i = 0; i < weightDecays.length; i++) {
    ["p", "g", "m", "v"].forEach((role, j) => {
      handles[4 * i + j] = backend.handleOf(inputs[`${role}${i}`]!);
    });
  }
  backend.engine.adamW(handles, Float64Array.from(weightDecays), call);
  return [];
};

const cacheAppend: Run = ({ inputs: { cache, values, pageTable, positions }, backend }) => {
  const [pages, pageSize, heads, headSize] = cache!.shape as [number, number, number, number];
  const [batch, tokens] = values!.shape as [number, number];
  const sizes = Float64Array.of(pages, pageSize, heads * headSize, batch, tokens, pageTable!.shape[1]!);
  const [to, from] = [backend.handleOf(cache!), backend.handleOf(values!)];
  backend.engine.cacheAppend(to, from, backend.handleOf(pageTable!), backend.handleOf(positions!), sizes);
  return [];
};

export const inPlaceKernels: Kernels = {
  ...taking(FLOAT, { MegatronSumOfSquares: sumOfSquares, MegatronAdamW: adamW }),
  ...taking(ANY, { MegatronCacheAppend: cacheAppend }),
};
