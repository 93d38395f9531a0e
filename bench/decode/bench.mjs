// Decoding GPT-2 124M, batch 1, f32, beside transformers' generate, and beside the bandwidth of a plain read.
//
//     PEER_PYTHON=/path/to/python node bench/run.mjs decode [--quick]

import { alternate, hasModules, median, runScript } from "../peers.mjs";

const script = (name) => new URL(name, import.meta.url);

export async function run({ peerPython, quick = false, threads = 2, backend = "native" } = {}) {
  const peer = hasModules(peerPython, "torch", "transformers");
  const options = { tokens: quick ? 16 : 64, threads, backend };
  const { ours, theirs } = alternate(quick ? 1 : 5, {
    ours: () => runScript(process.execPath, script("decode.mjs"), options),
    theirs: peer ? () => runScript(peerPython, script("decode.py"), options) : null,
  });
  const of = (results, field) => (results.length > 0 ? median(results.map((result) => result[field])) : undefined);
  const [our, their] = [of(ours, "tokensPerSecond"), of(theirs, "tokensPerSecond")];
  const name = "transformers generate";
  const [bandwidth, read] = [of(ours, "bytesPerSecond"), of(theirs, "readBytesPerSecond")];
  return [
    {
      what: "decode GPT-2 124M, batch 1, f32",
      peer: peer ? name : `${name}: skipped, not found`,
      ours: our,
      theirs: their,
      unit: "tokens/s",
      ratio: their && our / their,
      atLeast: 2.3,
    },
    {
      what: "the same, as bandwidth of its weights",
      peer: peer ? "a plain read by PyTorch" : "a plain read: skipped, no PyTorch",
      ours: bandwidth / 1e9,
      theirs: read && read / 1e9,
      unit: "GB/s",
      ratio: read && bandwidth / read,
      atLeast: 0.75,
    },
  ];
}
