/**
 * Attention by layouts, 12 heads of 64 in f32: against our own dense attention, PyTorch's scaled_dot_product_attention and
 * its flex_attention; how memory grows with length; what layouts cost to build; training and decoding with windows.
 *
 *     PEER_PYTHON=/path/to/python node bench/run.mjs sparse [--rows window,bigbird] [--quick]
 */
import { alternate, hasModules, median, runScript } from "../peers.mjs";

const script = (name) => new URL(name, import.meta.url);
const ours = (options) => runScript(process.execPath, script("ours.mjs"), options);

const torchOf = (peerPython, ...more) => (hasModules(peerPython, "torch", ...more) ? peerPython : null);
const roundsOf = (quick) => (quick ? 2 : 5);

export const rows = {
  window: ({ quick, threads }) =>
    againstDense("causal window 256, 12 x 4096 x 64", {
      options: { tokens: 4096, layout: "window", dense: "causal", rounds: roundsOf(quick), threads },
      atLeast: 5,
    }),
  "long-window": ({ quick, threads }) =>
    quick
      ? []
      : againstDense("causal window 256, 12 x 16384 x 64", {
          options: { tokens: 16384, layout: "window", dense: "causal", rounds: 2, threads },
          atLeast: 18,
        }),
  bigbird: ({ quick, threads }) =>
    againstDense("BigBird (blocks of 64: window 3, random 3, global 2), 12 x 4096 x 64", {
      options: { tokens: 4096, layout: "bigbird", dense: "full", rounds: roundsOf(quick), threads },
      atLeast: 4,
    }),
  ranges: ({ quick, threads }) =>
    againstRanges({ tokens: 4096, layout: "window", dense: "ranges", rounds: 2 * roundsOf(quick), threads }),
  sdpa: ({ quick, threads, peerPython }) =>
    againstPython("causal window 256, 12 x 4096 x 64, forward + backward", {
      python: torchOf(peerPython),
      peer: "PyTorch SDPA, causal",
      theirs: "../attention/attention.py",
      options: { tokens: 4096, layout: "window", rounds: roundsOf(quick), threads },
      atLeast: 8,
    }),
  flex: (options) => flex(4096, options),
  "long-flex": (options) => flex(16384, options),
  memory: ({ quick, threads }) => (quick ? [] : memory(threads)),
  "build-window": ({ quick }) => building("window", quick ? 8192 : 65536),
  "build-bigbird": ({ quick }) => building("bigbird", quick ? 8192 : 65536),
  "build-bigbird-16": ({ quick }) => building("bigbird-16", quick ? 8192 : 65536),
  stacks,
  training: ({ quick, threads, peerPython }) =>
    training({ quick, threads, python: torchOf(peerPython, "transformers") }),
  decoding,
};

function flex(tokens, { quick, threads, peerPython }) {
  return againstPython(`causal window 256, 12 x ${tokens} x 64, forward`, {
    python: torchOf(peerPython),
    peer: "PyTorch flex_attention",
    theirs: "flex.py",
    options: { tokens, layout: "window", rounds: 2 * roundsOf(quick), threads, forwardOnly: true },
    atLeast: 2,
  });
}

function building(layout, tokens) {
  const { build, attend } = runScript(process.execPath, script("layout-time.mjs"), { layout, tokens });
  return {
    what: `building the layout ${layout}, ${tokens} tokens, in a fresh process`,
    peer: "attention by it, 12 heads, forward + backward, one thread",
    ours: build,
    theirs: attend,
    unit: "ms",
    ratio: build / attend,
    atMost: 0.01,
  };
}

function stacks({ quick, threads }) {
  const options = quick ? { numLayers: 1, tokens: 1024, steps: 1 } : { numLayers: 2, tokens: 4096, steps: 1 };
  const run = (preset) => runScript(process.execPath, script("stacks.mjs"), { ...options, threads, preset });
  const [sparse, dense] = [run("sc2019-345m"), run("sc2019-345m-dense")];
  const what = `sc2019's blocks, ${options.numLayers} a stack, ${options.tokens} tokens, windows in both`;
  const peer = "dense attention";
  return [
    {
      what: `gradients of ${what}`,
      peer,
      ours: sparse.seconds,
      theirs: dense.seconds,
      unit: "s",
      ratio: dense.seconds / sparse.seconds,
    },
    {
      what: `peak memory of ${what}`,
      peer,
      ours: sparse.peakBytes / 2 ** 30,
      theirs: dense.peakBytes / 2 ** 30,
      unit: "GiB",
      ratio: sparse.peakBytes / dense.peakBytes,
    },
  ];
}

/** A training step with a window against PyTorch's GPT-2 with dense attention, both with full recomputation. */
function training({ quick, threads, python }) {
  const shape = quick ? { numLayers: 2, maxPositions: 1024 } : { numLayers: 12, maxPositions: 4096 };
  const model = { ...shape, hiddenSize: 768, numHeads: 12, vocabularySize: 50_257 };
  const options = { batchSize: 1, sequenceLength: shape.maxPositions, precision: "f32", recompute: "full", threads };
  const run = { ...options, backend: "native", warmup: 1, steps: 1 };
  const attention = { layout: "local", window: 256 };
  const { ours, theirs } = alternate(1, {
    ours: () => runScript(process.execPath, script("../training/step.mjs"), { ...run, model: { ...model, attention } }),
    theirs: python && (() => runScript(python, script("../training/step.py"), { ...run, model })),
  });
  const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
  const what = `GPT-2's blocks, ${shape.numLayers} layers, S=${shape.maxPositions}, B=1, window 256, full recompute`;
  const peer = python ? "PyTorch, dense, checkpointed" : "PyTorch: skipped, not found";
  const row = (name, field, scale, rest) => {
    const [our, their] = [of(ours, field), of(theirs, field)];
    return {
      what: `${name}, ${what}`,
      peer,
      ours: our / scale,
      theirs: their && their / scale,
      ratio: their && our / their,
      ...rest,
    };
  };
  return [
    row("training step", "tokensPerSecond", 1, { unit: "tokens/s", atLeast: 3 }),
    row("peak memory", "peakBytes", 2 ** 30, { unit: "GiB", atMost: 0.5 }),
  ];
}

function decoding({ quick, threads }) {
  const [near, far] = quick ? [2000, 10_000] : [2000, 100_000];
  const options = { tokens: quick ? 32 : 128, threads, numLayers: quick ? 2 : 4, hiddenSize: quick ? 128 : 512 };
  const run = (prompt) => runScript(process.execPath, script("decode.mjs"), { ...options, prompt });
  const { ours, theirs } = alternate(1, { ours: () => run(far), theirs: () => run(near) });
  const of = (results, field) => median(results.map((result) => result[field]));
  const row = (name, field, unit, rest) => ({
    what: `${name} at position ${far} with a window of 1,024`,
    peer: `at position ${near}`,
    ours: of(ours, field),
    theirs: of(theirs, field),
    unit,
    ratio: of(ours, field) / of(theirs, field),
    ...rest,
  });
  return [
    row("decoding", "tokensPerSecond", "tokens/s", { atLeast: 0.9 }),
    row("bytes of weights and cache", "bytes", "bytes", { atMost: 1.01 }),
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
  // Medians are those of the rounds within each process.
  const results = alternate(1, {
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
