/** Prints a plan, a line for each quantity. */
import type { PretrainConfig, StepPlan } from "@megatron-ts/train";
import type { Terminal } from "../terminal/terminal.ts";

/** A run's time, and the energy that it takes. */
export interface Expense {
  secondsPerStep: number;
  seconds: number;
  tokensPerSecond: number;
  kilowattHours: number;
  emissionsKilograms: number;
}

/** Formats as the training log does. */
export async function createPlanPrinter(terminal: Terminal) {
  const { formatBytes, formatCount, formatDuration, formatEnergy, formatQuantity } = await import("@megatron-ts/train");
  const line = (name: string, text: string) => terminal.print(`${name.padEnd(15)}${text}`);
  return {
    line,
    bytes: formatBytes,
    quantity: formatQuantity,
    model(
      shared: { parameters: number; tokensPerStep: number; flopsPerToken: number; steps: number },
      { model, train, data }: PretrainConfig,
    ) {
      line(
        "model",
        `${model.family}, ${formatCount(shared.parameters)} parameters, ${formatQuantity(shared.flopsPerToken, "FLOPs")} a token`,
      );
      line(
        "run",
        `${formatCount(train.steps)} steps of ${formatCount(train.batchSize)} samples of ${formatCount(data.sequenceLength)} tokens, ` +
          `${formatQuantity(train.steps * shared.tokensPerStep)} tokens in all`,
      );
    },
    /** What each rank of a pipeline has, and the one that takes most. Nothing without a pipeline. */
    stages({ stages, flopsPerStep }: Pick<StepPlan, "stages" | "flopsPerStep">) {
      if (stages.length === 1) return;
      const most = Math.max(...stages.map(({ memory }) => memory.peak));
      for (const [rank, { layers, parameters, flopsPerStep: own, memory }] of stages.entries()) {
        const held = layers.map(({ first, end }) => (end - first > 1 ? `${first + 1} to ${end}` : `${end}`)).join(", ");
        const share = Math.round((100 * own) / flopsPerStep);
        line(
          rank === 0 ? "pipeline" : "",
          `rank ${rank}: layers ${held}, ${formatCount(parameters)} parameters, ${share}% of the FLOPs, ${formatBytes(memory.peak)}` +
            (memory.peak === most ? " (the largest)" : ""),
        );
      }
    },
    memory(parts: { weights: number; gradients: number; optimizer: number; activations: number }, total: string) {
      line("memory", total);
      for (const name of ["weights", "gradients", "optimizer", "activations"] as const) {
        // A small model's gradients exist only after the activations, which are more, are freed.
        const note =
          name === "gradients" && parts.gradients === 0 ? " (none exists yet when memory is at its peak)" : "";
        line(`  ${name}`, `${formatBytes(parts[name])}${note}`);
      }
    },
    resident({ resident, available, fits }: { resident: number; available: number; fits: boolean }) {
      const verdict = fits ? "fits" : "does not fit";
      line("resident", `about ${formatBytes(resident)}; this machine has ${formatBytes(available)}: ${verdict}`);
    },
    expense({ secondsPerStep, seconds, tokensPerSecond, ...energy }: Expense, rate: string, power: string) {
      line("time", `${formatDuration(seconds)}, ${formatQuantity(secondsPerStep, "s")} a step`);
      line("speed", `${formatQuantity(tokensPerSecond)} tokens/s, ${rate}`);
      line("energy", `${formatEnergy(energy)} (${power})`);
    },
  };
}
