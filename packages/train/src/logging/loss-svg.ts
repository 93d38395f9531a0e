/** Draws a loss curve as SVG, in colors that are readable on light and dark backgrounds. */
import type { LossCurve } from "./loss-curve.ts";

const SIZE = { width: 720, height: 320 };
const PLOT = { left: 52, right: 708, top: 14, bottom: 280 };
const GRAY = "#7d8590";

/** An SVG document with the training and the validation loss in nats per token, by step. */
export function lossSvg({ training, validation }: LossCurve): string {
  const series = [
    { name: "training loss", color: "#3b82f6", points: training },
    { name: "validation loss", color: "#ea580c", points: validation },
  ].filter(({ points }) => points.length > 0);
  const all = series.flatMap(({ points }) => points);
  const lossValues = all.map(([, loss]) => loss);
  const steps = { low: 0, high: Math.max(1, ...all.map(([step]) => step)) };
  const losses = {
    low: Math.floor(Math.min(...lossValues)),
    high: Math.max(...lossValues, Math.min(...lossValues) + 0.01),
  };
  const x = scale(steps, PLOT.left, PLOT.right);
  const y = scale(losses, PLOT.bottom, PLOT.top);
  const grid = ticksOf(losses).flatMap((loss) => [
    `<path d="M${PLOT.left} ${y(loss).toFixed(1)}H${PLOT.right}" stroke="${GRAY}" stroke-opacity="0.3"/>`,
    text(PLOT.left - 8, y(loss) + 4, { content: String(Number(loss.toPrecision(6))), anchor: "end" }),
  ]);
  const axis = ticksOf(steps).map((step) =>
    text(x(step), PLOT.bottom + 20, {
      content: step.toLocaleString("en-US"),
      anchor: step === steps.high ? "end" : "middle",
    }),
  );
  const lines = series.flatMap(({ name, color, points }, row) => [
    `<path d="M${points.map(([step, loss]) => `${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}" fill="none" ` +
      `stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
    text(PLOT.right - 8, PLOT.top + 42 + 20 * row, {
      content: `${name}, ${points.at(-1)![1].toFixed(2)} nats per token at the end`,
      anchor: "end",
      fill: color,
    }),
  ]);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${series.map(({ name }) => name).join(" and ")} in nats per token, by step</title>`,
    ...grid,
    ...axis,
    text((PLOT.left + PLOT.right) / 2, SIZE.height - 4, { content: "step", anchor: "middle" }),
    ...lines,
    "</svg>",
  ].join("\n")}\n`;
}

interface Range {
  low: number;
  high: number;
}

/** About five round numbers: multiples of 1, 2 or 5 times a power of ten. */
function ticksOf({ low, high }: Range): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  return Array.from({ length: count }, (_, i) => (Math.ceil(low / step) + i) * step);
}

const scale =
  ({ low, high }: Range, from: number, to: number) =>
  (value: number) =>
    from + ((value - low) / (high - low)) * (to - from);

const text = (
  x: number,
  y: number,
  { content, anchor, fill = GRAY }: { content: string; anchor: string; fill?: string },
) => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${content}</text>`;
