/** Registers the kernels of an addon with tfjs, and tfjs's own on the cpu for whatever it has no kernel for. */
import * as tf from "@tensorflow/tfjs";
import { fallback } from "./fallback.ts";
import type { Kernel, Run } from "./kernel.ts";
import { allKernels } from "./kernels/table.ts";
import type { NativeAddon } from "./native-addon.ts";
import { profiled } from "./profile.ts";

/** Does nothing for a backend that has kernels already. */
export function registerKernels(addon: NativeAddon, backendName: string): void {
  if (tf.getKernelsForBackend(backendName).length > 0) return;
  const register = (kernelName: string, run: Run, flops?: Kernel["flops"]) => {
    // tfjs declares the backend of a kernel function as an empty object.
    const kernelFunc = profiled(kernelName, run, flops) as unknown as tf.KernelFunc;
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  };
  const cpuKernels = new Set(tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName));
  const native = allKernels(addon);
  for (const [name, { dtypes, run, flops }] of Object.entries(native)) {
    const otherwise = cpuKernels.has(name) ? fallback(name) : run;
    const runOrFallBack: Run = (call) => {
      for (const key in call.inputs) {
        const input = call.inputs[key];
        if (input && !dtypes.includes(input.dtype)) return otherwise(call);
      }
      return run(call);
    };
    register(name, runOrFallBack, flops);
  }
  for (const name of cpuKernels) {
    if (!(name in native)) register(name, fallback(name));
  }
}
