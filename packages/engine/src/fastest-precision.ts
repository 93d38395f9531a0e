/** The precision that a model trains fastest in. */
import type { RunningBackend } from "./backend.ts";

/** bf16 where kernels multiply it in hardware, else f32. */
export function fastestPrecision({ instructionSets }: Pick<RunningBackend, "instructionSets">): "bf16" | "f32" {
  return instructionSets.some((name) => name.includes("bf16")) ? "bf16" : "f32";
}
