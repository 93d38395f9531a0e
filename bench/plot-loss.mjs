/**
 * Plots the training and validation loss of a run as SVG.
 *
 *     node bench/plot-loss.mjs RUN/metrics.jsonl loss.svg
 */
import { writeFileSync } from "node:fs";
import { lossSvg, readLossCurve } from "@megatron-ts/train";

const [metricsPath, svgPath] = process.argv.slice(2);
if (!svgPath) {
  process.stderr.write("usage: node bench/plot-loss.mjs RUN/metrics.jsonl loss.svg\n");
  process.exit(2);
}
writeFileSync(svgPath, lossSvg(readLossCurve(metricsPath)));
