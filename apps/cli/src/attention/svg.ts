/** Draws a layout as SVG, in colors that are readable on light and dark backgrounds. */
import type { Coverage } from "@megatron-ts/attention";

const GRAY = "#7d8590";
const BLUE = "#3b82f6";
const PLOT = { left: 40, top: 52, side: 512 };
const SIZE = { width: PLOT.left + PLOT.side + 16, height: PLOT.top + PLOT.side + 40 };
/** Opacities, so that partly visible cells look lighter. */
const LEVELS = 4;

/** An SVG document: queries from top to bottom, keys from left to right. */
export function drawSvg({ cells }: Coverage, { title, length }: { title: string; length: number }): string {
  const scale = PLOT.side / cells.length;
  const paths = Array.from({ length: LEVELS }, (_, level) => {
    const d = cells.flatMap((row, i) => runsOf(row, level + 1).map(([from, to]) => rectangle(i, from, to))).join("");
    return d === "" ? "" : `<path d="${d}" fill="${BLUE}" fill-opacity="${((level + 1) / LEVELS).toFixed(2)}"/>`;
  });

  function rectangle(row: number, from: number, to: number): string {
    const round = (value: number) => Number((value * scale).toFixed(2));
    const [x, y] = [PLOT.left + round(from), PLOT.top + round(row)];
    return `M${x} ${y}h${round(to - from)}v${round(1)}h${-round(to - from)}z`;
  }

  const [right, bottom] = [PLOT.left + PLOT.side, PLOT.top + PLOT.side];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${GRAY}">`,
    `<title>${title}</title>`,
    `<text x="${PLOT.left}" y="20">${title}</text>`,
    `<text x="${PLOT.left}" y="${PLOT.top - 8}">keys 0 to ${(length - 1).toLocaleString("en-US")}</text>`,
    `<text transform="translate(${PLOT.left - 10} ${bottom}) rotate(-90)">queries, the first at the top</text>`,
    `<g shape-rendering="crispEdges">`,
    ...paths.filter((path) => path !== ""),
    "</g>",
    `<rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.side}" height="${PLOT.side}" fill="none" stroke="${GRAY}"/>`,
    ...legend(right, bottom + 24),
    "</svg>",
  ].join("\n")}\n`;
}

/** The level of a cell: 0 for nothing, the highest for everything. */
function levelOf(part: number): number {
  if (part === 0) return 0;
  return part === 1 ? LEVELS : 1 + Math.min(LEVELS - 2, Math.floor(part * (LEVELS - 1)));
}

/** The runs [from, to) of cells of a level in a row. */
function runsOf(row: Float32Array, level: number): [number, number][] {
  const runs: [number, number][] = [];
  row.forEach((part, i) => {
    if (levelOf(part) !== level) return;
    const last = runs.at(-1);
    if (last?.[1] === i) last[1] = i + 1;
    else runs.push([i, i + 1]);
  });
  return runs;
}

function legend(right: number, y: number): string[] {
  const entries: [string, number, number][] = [
    ["sees all", 1, 70],
    ["a part", 0.5, 62],
  ];
  let x = right;
  return entries.flatMap(([name, opacity, width]) => {
    x -= width;
    return [
      `<rect x="${x - 4}" y="${y - 11}" width="12" height="12" fill="${BLUE}" fill-opacity="${opacity}"/>`,
      `<text x="${x + 12}" y="${y}">${name}</text>`,
    ];
  });
}
