/**
 * The matrix products of a GPT-2 124M step with 1,024 tokens: our kernels against two Rust crates that could replace them,
 * gemmkit and gemm (with its x86-v4 feature). Compiled on the spot, so it requires cargo.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "../peers.mjs";

const crate = fileURLToPath(new URL(".", import.meta.url));
const tokens = 1024;

/** The products, with median seconds per implementation over runs in fresh processes. */
function measure(precision, { threads, rounds }) {
  const runs = Array.from({ length: rounds }, () => {
    const { status, stdout, stderr } = spawnSync(
      "cargo",
      ["run", "--release", "--locked", "--quiet", "--", precision, String(threads)],
      { cwd: crate, encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`bench/products failed:\n${stderr}`);
    return JSON.parse(stdout);
  });
  return runs[0].map((product, index) => {
    const secondsOf = (name) => median(runs.map((run) => run[index].seconds[name]));
    const names = Object.keys(product.seconds);
    return { ...product, seconds: Object.fromEntries(names.map((name) => [name, secondsOf(name)])) };
  });
}

const sum = (products, name) => products.reduce((total, { count, seconds }) => total + count * seconds[name], 0);

/** GFLOP/s of each layer's three products on both sides, and tokens/s of all products of the step. */
function compare(products, precision) {
  const rows = [];
  for (const peer of Object.keys(products[0].seconds).filter((name) => name !== "ours")) {
    const row = (what, part, amount, unit) => {
      const [ours, theirs] = [amount / sum(part, "ours"), amount / sum(part, peer)];
      rows.push({ what: `${what}, ${precision}`, peer, ours, theirs, unit, ratio: ours / theirs });
    };
    for (const layer of new Set(products.map(({ inputs, outputs }) => `${inputs} to ${outputs}`))) {
      const part = products.filter(({ inputs, outputs }) => `${inputs} to ${outputs}` === layer);
      const [{ inputs, outputs, count }] = part;
      const gigaflop = (3 * 2 * tokens * inputs * outputs * count) / 1e9;
      row(`linear layer, ${layer}, forward and backward`, part, gigaflop, "GFLOP/s");
    }
    row("all products of the 124M step", products, tokens, "tokens/s");
  }
  return rows;
}

const inPrecision =
  (precision) =>
  ({ quick = false, threads = 2 }) => {
    if (spawnSync("cargo", ["--version"]).status !== 0) {
      return {
        what: `products of a GPT-2 step, ${precision}`,
        peer: "gemmkit, gemm: skipped, cargo not found",
        unit: "tokens/s",
      };
    }
    return compare(measure(precision, { threads, rounds: quick ? 1 : 3 }), precision);
  };

export const rows = { f32: inPrecision("f32"), bf16: inPrecision("bf16") };
