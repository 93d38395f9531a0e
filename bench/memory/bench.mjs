/**
 * The peak memory that `megatron plan` predicts for a training step, beside what the step then takes: GPT-2 124M by every
 * recomputation, in f32 and bf16, dense and with a window; and two steps of Megatron's GPT 345M. Bytes of tensors, as the backend
 * counts them, and of the whole process.
 *
 *     node bench/run.mjs memory [--rows gpt2-full-bf16-dense] [--quick]     (quick: two layers and 128 tokens)
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

const attentionOf = ({ model }) => (model.attention ? `window ${model.attention.window}` : "dense");
const recomputeOf = ({ recompute }) => (typeof recompute === "string" ? recompute : `every ${recompute.every}`);
const nameOf = (each) =>
  `${each.model.preset}-${recomputeOf(each)}-${each.precision}-${attentionOf(each)}`.replaceAll(" ", "-");

/** By names such as "gpt2-full-bf16-window-256". */
export const rows = Object.fromEntries(cases.map((each) => [nameOf(each), (options) => measure(each, options)]));

function measure(whole, { quick, threads, backend = "native" }) {
  if (quick && whole.model.preset !== "gpt2") return [];
  const each = quick ? { ...whole, model: { ...whole.model, numLayers: 2 }, sequenceLength: 128 } : whole;
  const directory = mkdtempSync(join(tmpdir(), "megatron-bench-"));
  try {
    const script = new URL("measure.mjs", import.meta.url);
    const { planned, tensors, resident } = runScript(process.execPath, script, {
      ...each,
      directory,
      threads,
      backend,
    });
    const { model, sequenceLength, batchSize, precision } = each;
    return {
      what: `peak memory, ${model.preset}, ${batchSize} x ${sequenceLength}, recompute ${recomputeOf(each)}, ${precision}, ${attentionOf(each)}`,
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
}
