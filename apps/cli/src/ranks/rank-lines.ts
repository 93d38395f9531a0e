/** What `--dry-run` prints of the ranks of a run. */
import type { RankShare } from "@megatron-ts/train";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes with three digits: 12.3 MB. */
function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${UNITS[power]}`;
}

const span = (name: string, { first, end }: { first: number; end: number }) =>
  end - first === 1 ? `${name} ${first}` : `${name}s ${first} to ${end - 1}`;

/** The lines of a run's ranks: what each holds, then what it sends. */
export const rankLines = (ranks: readonly RankShare[]): string[] =>
  ranks.flatMap(({ rank, place, layers, heads, parameters, weights, gradients, optimizer, sends }) => [
    `rank ${rank} (${Object.entries(place)
      .map(([axis, index]) => `${axis} ${index}`)
      .join(", ")}): ${layers.map((each) => span("layer", each)).join(", ")}, ${span("head", heads)}`,
    `  holds ${parameters.toLocaleString("en-US")} parameters: weights ${bytes(weights)}, gradients ${bytes(gradients)}, optimizer ${bytes(optimizer)}`,
    ...sends.map(({ what, bytes: sent }) => `  sends ${bytes(sent)} a step: ${what}`),
  ]);
