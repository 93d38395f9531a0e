/**
 * Plots the training and validation loss of a run as SVG, in colors that are readable on light and dark backgrounds.
 *
 *     node bench/plot-loss.mjs RUN/metrics.jsonl loss.svg
 */
import { readFileSync, writeFileSync } from "node:fs";

const [metricsPath, svgPath] = process.argv.slice(2);
if (!svgPath) {
  process.stderr.write("usage: node bench/plot-loss.mjs RUN/metrics.jsonl loss.svg\n");
  process.exit(2);
}

const size = { width: 720, height: 320 };
const plot = { left: 52, right: 708, top: 14, bottom: 280 };
const gray = "#7d8590";
const records = readFileSync(metricsPath, "utf8").trim().split("\n").map(JSON.parse);
const pointsOf = (field) =>
  records.filter((record) => record[field] !== undefined).map((record) => [record.step, record[field]]);
const series = [
  { name: "training loss", color: "#3b82f6", points: pointsOf("loss") },
  { name: "validation loss", color: "#ea580c", points: pointsOf("validationLoss") },
].filter(({ points }) => points.length > 0);

/** About five round numbers: multiples of 1, 2 or 5 times a power of ten. */
function ticksOf(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const count = Math.floor(high / step) - Math.ceil(low / step) + 1;
  return Array.from({ length: count }, (_, i) => (Math.ceil(low / step) + i) * step);
}

const all = series.flatMap(({ points }) => points);
const steps = { low: 0, high: Math.max(...all.map(([step]) => step)) };
const losses = {
  low: Math.floor(Math.min(...all.map(([, loss]) => loss))),
  high: Math.max(...all.map(([, loss]) => loss)),
};
const scale =
  ({ low, high }, from, to) =>
  (value) =>
    from + ((value - low) / (high - low)) * (to - from);
const x = scale(steps, plot.left, plot.right);
const y = scale(losses, plot.bottom, plot.top);
const text = (px, py, content, anchor, fill = gray) =>
  `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${content}</text>`;

const grid = ticksOf(losses.low, losses.high).flatMap((loss) => [
  `<path d="M${plot.left} ${y(loss).toFixed(1)}H${plot.right}" stroke="${gray}" stroke-opacity="0.3"/>`,
  text(plot.left - 8, y(loss) + 4, String(Number(loss.toPrecision(6))), "end"),
]);
const axis = ticksOf(steps.low, steps.high).map((step) =>
  text(x(step), plot.bottom + 20, step.toLocaleString("en-US"), step === steps.high ? "end" : "middle"),
);
const lines = series.flatMap(({ name, color, points }, row) => [
  `<path d="M${points.map(([step, loss]) => `${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}" fill="none" ` +
    `stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
  text(
    plot.right - 8,
    plot.top + 42 + 20 * row,
    `${name}, ${points.at(-1)[1].toFixed(2)} nats per token at the end`,
    "end",
    color,
  ),
]);
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
  `<title>${series.map(({ name }) => name).join(" and ")} in nats per token, by step</title>`,
  ...grid,
  ...axis,
  text((plot.left + plot.right) / 2, size.height - 4, "step", "middle"),
  ...lines,
  "</svg>",
];
writeFileSync(svgPath, `${svg.join("\n")}\n`);
