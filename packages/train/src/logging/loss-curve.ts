/** The loss curve of a run, read from `metrics.jsonl` and drawn as SVG or as lines of text. */
import { readFileSync } from "node:fs";

/** Points are [step, loss], in nats. */
export interface LossCurve {
  training: [step: number, loss: number][];
  validation: [step: number, loss: number][];
}

/** Reads the curve of a run's `metrics.jsonl`. Throws an Error for a file that is missing or no JSON lines. */
export function readLossCurve(path: string): LossCurve {
  const records = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { step: number; loss?: number; validationLoss?: number });
  const points = (field: "loss" | "validationLoss") =>
    records.flatMap((record): [number, number][] => {
      const loss = record[field];
      return typeof loss === "number" ? [[record.step, loss]] : [];
    });
  return { training: points("loss"), validation: points("validationLoss") };
}

/** The curve of the training loss (`·`) and the validation loss (`o`) as `height` lines of at most `width` characters. */
export function lossChart(
  { training, validation }: LossCurve,
  { width, height }: { width: number; height: number },
): string {
  const all = [...training, ...validation];
  if (all.length === 0) return "";
  const { low, high, last } = rangeOf(all);
  const labelWidth = 6;
  const columns = width - labelWidth - 2;
  const grid = Array.from({ length: height }, () => Array.from({ length: columns }, () => " "));
  const draw = (points: LossCurve["training"], mark: string) => {
    for (const [step, loss] of points) {
      const column = Math.round(((columns - 1) * step) / last);
      const row = Math.round(((height - 1) * (high - loss)) / (high - low));
      grid[row]![column] = mark;
    }
  };
  draw(training, "·");
  draw(validation, "o");
  const lines = grid.map((row, i) => {
    const loss = high - ((high - low) * i) / (height - 1);
    return `${loss.toFixed(2).padStart(labelWidth)} ┤${row.join("").trimEnd()}`;
  });
  const legend = validation.length > 0 ? "loss by step (· training, o held out)" : "loss by step";
  const lastStep = String(last);
  const axis = `${" ".repeat(labelWidth + 2)}${legend.padEnd(columns - lastStep.length)}${lastStep}`;
  return [...lines, axis].join("\n");
}

function rangeOf(points: LossCurve["training"]): { low: number; high: number; last: number } {
  const losses = points.map(([, loss]) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  return { low, high: high > low ? high : low + 1, last: Math.max(1, ...points.map(([step]) => step)) };
}
