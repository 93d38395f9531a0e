/**
 * Prepares lines of text with one worker, in a fresh process. Prints MB/s and peak memory.
 *
 *     node prepare.mjs JSON
 */
import { statSync } from "node:fs";
import { prepareDataset } from "@megatron-ts/data";

const { input, tokenizerPath, output } = JSON.parse(process.argv[2]);
const start = performance.now();
const { sidecar } = await prepareDataset({
  inputs: [input],
  tokenizerPath,
  output,
  textDocument: "line",
  workers: 1,
  appendEndOfDocument: false,
  resume: false,
});
const seconds = (performance.now() - start) / 1000;
process.stdout.write(
  `${JSON.stringify({
    tokens: sidecar.counts.tokens,
    megabytesPerSecond: sidecar.counts.bytes / 1e6 / seconds,
    megabytes: statSync(input).size / 1e6,
    peakMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6,
  })}\n`,
);
