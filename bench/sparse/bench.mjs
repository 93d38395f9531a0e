/**
 * Attention by layouts, 12 heads of 64 in f32: against our own dense attention, PyTorch's scaled_dot_product_attention and
 * its flex_attention; and how memory grows with length.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs sparse [--quick]
 */
import { alternate, hasModules, median, runScript } from "../peers.mjs";

const script = (name) => new URL(name, import.meta.url);
const ours = (options) => runScript(process.execPath, script("ours.mjs"), options);

export async function run({ peerPython, quick = false, threads = 2 } = {}) {
  const python = hasModules(peerPython, "torch") ? peerPython : null;
  const rounds = quick ? 2 : 5;
  return [
    againstDense("causal window 256, 12 x 4096 x 64", {
      options: { tokens: 4096, layout: "window", dense: "causal", rounds, threads },
      atLeast: 5,
    }),
    ...(quick
      ? []
      : [
          againstDense("causal window 256, 12 x 16384 x 64", {
            options: { tokens: 16384, layout: "window", dense: "causal", rounds: 2, threads },
            atLeast: 18,
          }),
        ]),
    againstDense("BigBird (blocks of 64: window 3, random 3, global 2), 12 x 4096 x 64", {
      options: { tokens: 4096, layout: "bigbird", dense: "full", rounds, threads },
      atLeast: 4,
    }),
    againstRanges({ tokens: 4096, layout: "window", dense: "ranges", rounds: 2 * rounds, threads }),
    againstPython("causal window 256, 12 x 4096 x 64, forward + backward", {
      python,
      peer: "PyTorch SDPA, causal",
      theirs: "../attention/attention.py",
      options: { tokens: 4096, layout: "window", rounds, threads },
      atLeast: 8,
    }),
    ...[4096, 16384].map((tokens) =>
      againstPython(`causal window 256, 12 x ${tokens} x 64, forward`, {
        python,
        peer: "PyTorch flex_attention",
        theirs: "flex.py",
        options: { tokens, layout: "window", rounds: 2 * rounds, threads, forwardOnly: true },
        atLeast: 2,
      }),
    ),
    ...(quick ? [] : [memory(threads)]),
  ];
}

function againstDense(what, { options, atLeast }) {
  const { sparse, dense } = ours(options);
  return {
    what: `${what}, forward + backward`,
    peer: "our own dense attention",
    ours: sparse,
    theirs: dense,
    unit: "ms",
    ratio: dense / sparse,
    atLeast,
  };
}

/** The same window as ranges of keys: a layout must not be slower. */
function againstRanges(options) {
  const { sparse, dense } = ours(options);
  return {
    what: "the window as a layout, 12 x 4096 x 64, forward + backward",
    peer: "as ranges of keys",
    ours: sparse,
    theirs: dense,
    unit: "ms",
    ratio: dense / sparse,
    atLeast: 0.95,
  };
}

function againstPython(what, { python, peer, theirs, options, atLeast }) {
  const results = alternate(3, {
    ours: () => ours(options),
    theirs: python && (() => runScript(python, script(theirs), options)),
  });
  const our = median(results.ours.map(({ sparse }) => sparse));
  const their = python ? median(results.theirs.map(({ total }) => total)) : undefined;
  return {
    what,
    peer: python ? peer : `${peer}: skipped, not found`,
    ours: our,
    theirs: their,
    unit: "ms",
    ratio: their && their / our,
    atLeast,
  };
}

function memory(threads) {
  const peak = (tokens) => ours({ tokens, layout: "window", rounds: 1, threads }).bytes / 1e6;
  const [long, short] = [peak(65536), peak(16384)];
  return {
    what: "memory of forward + backward at 65,536 tokens, window 256",
    peer: "at 16,384 tokens",
    ours: long,
    theirs: short,
    unit: "MB",
    ratio: long / short,
    atMost: 4.2,
  };
}
