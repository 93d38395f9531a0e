/** Trains the model of `megatron start`: a bar with the loss and the time left, and a sample of text every minute. */
import type { Tokenizer } from "@megatron-ts/tokenizer";
import type { PretrainConfig, RunEvent, RunListener, TrainingRun } from "@megatron-ts/train";
import type { Terminal } from "../terminal/terminal.ts";

const SECONDS_BETWEEN_SAMPLES = 60;
const SECONDS_BETWEEN_LINES = 15;
const SAMPLE = { maxTokens: 40, temperature: 0.8, topP: 0.95, prediction: "causal" } as const;

interface TrainingOptions {
  tokenizer: Tokenizer;
  /** For bits per byte. */
  bytesPerToken: { training: number; heldOut: number };
  /** What samples continue. */
  prompt: string;
}

/** @returns whether the run came to its end, and after how many steps */
export async function trainStarter(
  configuration: PretrainConfig,
  { tokenizer, bytesPerToken, prompt }: TrainingOptions,
  terminal: Terminal,
): Promise<{ finished: boolean; step: number }> {
  const train = await import("@megatron-ts/train");
  const { formatCount, formatDifference, formatDuration, formatEnergy, listenForStop, pretrain } = train;
  const { streamText } = await import("@megatron-ts/generate");
  const bar = terminal.progress("training");
  const bits = (loss: number, bytes: number) => `${(loss / Math.LN2 / bytes).toFixed(2)} bits per byte`;
  const stop = listenForStop({
    onRequest: (signal) => terminal.log(`${signal}: saving a checkpoint; press Ctrl+C again to quit now`),
  });
  let lineAt = performance.now();

  function show(event: RunEvent): void {
    if (event.type === "started") {
      const from = event.resumedFrom ? `, resumed at step ${event.step}` : "";
      terminal.log(`training ${formatCount(event.parameters)} parameters${from}`);
    } else if (event.type === "changed") {
      terminal.log(`changed since the checkpoint: ${formatDifference(event)}`);
    } else if (event.type === "damaged") {
      terminal.log(`warning: ${event.reason}; resuming from an earlier checkpoint`);
    } else if (event.type === "step") {
      const { step, loss, fraction, secondsLeft } = event;
      const note = `loss ${loss.toFixed(2)} | ${bits(loss, bytesPerToken.training)} | ${formatDuration(secondsLeft)} left`;
      bar.update(fraction, note);
      const now = performance.now();
      if (terminal.interactive || now - lineAt < 1000 * SECONDS_BETWEEN_LINES) return;
      lineAt = now;
      terminal.log(`step ${step} | ${note}`);
    } else if (event.type === "evaluated") {
      const { step, result } = event;
      terminal.log(
        `step ${step} | held-out loss ${result.loss.toFixed(3)} | ${bits(result.loss, bytesPerToken.heldOut)}`,
      );
    } else if (event.type === "finished") {
      terminal.log(`used ${formatEnergy(event.energy)} (${event.energyMethod})`);
    }
  }

  /** At most four samples in a short run. */
  function sampler({ model, configuration: { train } }: TrainingRun): RunListener {
    const seconds = Math.min(SECONDS_BETWEEN_SAMPLES, 15 * (train.timeLimitMinutes ?? Number.POSITIVE_INFINITY));
    let sampledAt = performance.now();
    let seed = 0;
    return {
      onStep() {
        if (performance.now() - sampledAt < 1000 * seconds) return;
        let text = "";
        for (const piece of streamText({ model, tokenizer }, [prompt], { ...SAMPLE, seed: seed++ })) text += piece.text;
        for (const line of wrap(`${prompt}${text}`, Math.min(terminal.width, 100) - 4)) terminal.log(`  | ${line}`);
        sampledAt = performance.now();
      },
    };
  }

  try {
    const listeners = (run: TrainingRun) => [sampler(run)];
    const { reason, step } = await pretrain(configuration, {
      tokenizer,
      resume: "auto",
      stop,
      onEvent: show,
      listeners,
    });
    return { finished: reason !== "stopped", step };
  } finally {
    bar.stop();
    stop.dispose();
  }
}

/** Breaks a text into lines at blanks: a terminal with a progress bar cuts longer ones. */
function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
