/** A rank thread that decodes with tiny models whose weights are split over the tensor axis. For tests. */
import { isMainThread } from "node:worker_threads";
import { start } from "@megatron-ts/engine";
import { createModel, type ModelConfig } from "@megatron-ts/model";
import { createMesh, type Mesh } from "@megatron-ts/parallel";
import { serveRankThread } from "@megatron-ts/parallel/threads";
import { beamSearch } from "../beam/beam-search.ts";
import type { Beam } from "../beam/beams.ts";
import type { SessionOptions } from "../sessions/decoding-session.ts";
import { openDecodingSession } from "../sessions/open-decoding-session.ts";

/** A model, how it predicts, and what the ranks share besides its weights. */
export interface DecodingCase extends Pick<SessionOptions, "prediction">, Pick<Mesh, "sequenceParallel"> {
  config: object;
}

/** What a model says of the prompts' next tokens, and the best sequences by beam search. */
export interface Decoded {
  logits: Float32Array[];
  beams: Beam[][];
}

const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]];

/** Decodes the prompts with a model of weights from a seed. */
export function decodeCase({ config, prediction }: DecodingCase, mesh?: Mesh): Decoded {
  const model = createModel(config as ModelConfig, { mesh, weights: { seed: 5 } });
  const own = { prediction, maxTokens: 8, startToken: 1 };
  const session = openDecodingSession(model, prompts, own);
  try {
    const logits = session.prefill().map((row) => row.slice());
    return { logits, beams: beamSearch(model, prompts, { ...own, numBeams: 3, stopTokens: [2] }) };
  } finally {
    session.dispose();
    model.dispose();
  }
}

// The test imports this file too, for the rank beside which it compares them.
if (!isMainThread) {
  await serveRankThread<DecodingCase[]>(async ({ transport, data: cases }) => {
    await start({ threads: 1 });
    return cases.map((one) => {
      const { sequenceParallel } = one;
      return decodeCase(one, createMesh(transport, { tensor: transport.size, pipeline: 1, data: 1, sequenceParallel }));
    });
  });
}
