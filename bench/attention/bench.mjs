/**
 * Causal attention, 12 x 4096 x 64, forward and backward, against PyTorch's scaled_dot_product_attention.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs attention [--quick]
 */
import { alternate, hasModules, median, runScript } from "../peers.mjs";

const script = (name) => new URL(name, import.meta.url);

export async function run({ peerPython, quick = false, threads = 2, backend = "native" } = {}) {
  const peer = hasModules(peerPython, "torch");
  const options = { tokens: quick ? 1024 : 4096, rounds: quick ? 3 : 5, threads, backend };
  const { ours, theirs } = alternate(quick ? 1 : 5, {
    ours: () => runScript(process.execPath, script("attention.mjs"), options),
    theirs: peer ? () => runScript(peerPython, script("attention.py"), options) : null,
  });
  const of = (results) => (results.length > 0 ? median(results.map(({ total }) => total)) : undefined);
  const [our, their] = [of(ours), of(theirs)];
  return [
    {
      what: `causal attention 12 x ${options.tokens} x 64, forward + backward`,
      peer: peer ? "PyTorch SDPA" : "PyTorch SDPA: skipped, not found",
      ours: our,
      theirs: their,
      unit: "ms",
      ratio: their && their / our,
      atLeast: 1.5,
    },
  ];
}
