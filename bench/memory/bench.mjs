/**
 * The peak memory that `megatron plan` predicts for a training step, beside what the step then takes: GPT-2 124M by every
 * recomputation, in f32 and bf16, dense and with a window; and two steps of Megatron's GPT 345M. Bytes of tensors, as the backend
 * counts them, and of the whole process.
 *
 *     node bench/run.mjs memory [--quick]     (quick: two layers and 128 tokens)
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "../peers.mjs";

const gpt2 = { model: { preset: "gpt2" }, sequenceLength: 512, batchSize: 2 };
const cases = [
  ...["none", "selective", "full", { every: 3 }].flatMap((recompute) =>
    ["f32", "bf16"].flatMap((precision) =>
      [null, 256].map((window) => ({
        ...gpt2,
        recompute,
        precision,
        ...(window && { model: { ...gpt2.model, attention: { layout: "local", window } } }),
      })),
    ),
  ),
  {
    model: { preset: "megatron-gpt-345m" },
    sequenceLength: 1024,
    batchSize: 1,
    recompute: "full",
    precision: "bf16",
    steps: 2,
  },
];

export async function run({ quick = false, threads = 2, backend = "native" } = {}) {
  const chosen = quick
    ? cases.slice(0, -1).map((each) => ({ ...each, model: { ...each.model, numLayers: 2 }, sequenceLength: 128 }))
    : cases;
  return chosen.map((each) => {
    const directory = mkdtempSync(join(tmpdir(), "megatron-bench-"));
    try {
      const script = new URL("measure.mjs", import.meta.url);
      const { planned, tensors, resident } = runScript(process.execPath, script, {
        ...each,
        directory,
        threads,
        backend,
      });
      const { model, sequenceLength, batchSize, recompute, precision } = each;
      const attention = model.attention ? `window ${model.attention.window}` : "dense";
      const recomputed = typeof recompute === "string" ? recompute : `every ${recompute.every}`;
      return {
        what: `peak memory, ${model.preset}, ${batchSize} x ${sequenceLength}, recompute ${recomputed}, ${precision}, ${attention}`,
        peer: "planned",
        ours: tensors / 2 ** 30,
        theirs: planned / 2 ** 30,
        unit: "GiB",
        // Off by at most 10 % either way.
        ratio: Math.max(tensors / planned, planned / tensors),
        atMost: 1.1,
        note: `resident ${(resident / 2 ** 30).toFixed(2)} GiB`,
      };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
