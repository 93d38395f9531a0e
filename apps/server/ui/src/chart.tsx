/** A line chart: axes with round numbers, a line for each run, and the last values as its description. */

/** A curve. */
export interface Line {
  label: string;
  /** Which of the colours. */
  place: number;
  isDashed: boolean;
  points: [x: number, y: number][];
}

const WIDTH = 480;
const HEIGHT = 240;
const MARGIN = { left: 56, right: 12, top: 12, bottom: 28 };
/** Points of a line; of longer ones every n-th is drawn. */
const MOST_POINTS = 800;

export function Chart({ title, lines, digits }: { title: string; lines: readonly Line[]; digits: number }) {
  const drawn = lines.filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  const [xs, ys] = [scale(all.map(([x]) => x)), scale(all.map(([, y]) => y))];
  const x = (value: number) =>
    MARGIN.left + ((value - xs.from) / (xs.to - xs.from)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) =>
    HEIGHT - MARGIN.bottom - ((value - ys.from) / (ys.to - ys.from)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const shown = (value: number) => value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  const last = drawn.map(
    ({ label, points }) => `${label}: ${points.at(-1)![1].toLocaleString("en-US", { maximumFractionDigits: digits })}`,
  );
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      {all.length === 0 ? (
        <p class="hint">Nothing reported yet.</p>
      ) : (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title} by step. Last: ${last.join("; ")}`}>
          {ys.ticks.map((tick) => (
            <g key={tick}>
              <line class="grid" x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={y(tick)} y2={y(tick)} />
              <text x={MARGIN.left - 8} y={y(tick) + 4} text-anchor="end">
                {shown(tick)}
              </text>
            </g>
          ))}
          {xs.ticks.map((tick) => (
            <text key={tick} x={x(tick)} y={HEIGHT - 8} text-anchor="middle">
              {shown(tick)}
            </text>
          ))}
          {drawn.map(({ label, place, isDashed, points }) => (
            <polyline
              key={label}
              class={`line line-${place}`}
              stroke-dasharray={isDashed ? "5 4" : undefined}
              points={thinned(points)
                .map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`)
                .join(" ")}
            />
          ))}
        </svg>
      )}
    </figure>
  );
}

function thinned(points: readonly [number, number][]): [number, number][] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

/** A range that holds all values, with ticks at round numbers. */
function scale(values: readonly number[]): { from: number; to: number; ticks: number[] } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low < high)) [low, high] = [low - 0.5, low + 0.5];
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step); tick * step <= high; tick++) ticks.push(tick * step);
  return { from: low, to: high, ticks };
}
