/** What a communicator must get right, as plain functions: a runner starts the ranks and calls every case on each of them. */
import * as tf from "@tensorflow/tfjs";
import { singleRank } from "./communicator.ts";
import { countSentBytes } from "./communicators/counted-transport.ts";
import type { Transport } from "./communicators/transport.ts";
import type { CommunicatorCase, CommunicatorContext } from "./conformance/case.ts";
import { messageCases } from "./conformance/messages.ts";
import { reductionCases } from "./conformance/reductions.ts";
import { createMesh, singleRankMesh } from "./mesh.ts";

export type { CommunicatorCase, CommunicatorContext } from "./conformance/case.ts";

/** The cases of every communicator, on any number of ranks. */
export const communicatorCases: readonly CommunicatorCase[] = [...reductionCases, ...messageCases];

/** What the cases need of a transport; null for the communicator of a single rank. */
function communicatorContext(transport: Transport | null): CommunicatorContext {
  if (!transport) return { world: singleRank, mesh: () => singleRankMesh, sentBytes: () => 0 };
  const counted = countSentBytes(transport);
  const { world } = createMesh(counted, { tensor: 1, data: transport.size, pipeline: 1 });
  return { world, mesh: (sizes) => createMesh(counted, sizes), sentBytes: counted.sentBytes };
}

/** Calls every case on this rank, and returns their names. Throws an Error that names the case that failed. */
export function checkCommunicators(transport: Transport | null): string[] {
  const context = communicatorContext(transport);
  return communicatorCases.map(({ name, check }) => {
    try {
      tf.tidy(() => check(context));
    } catch (error) {
      throw new Error(`rank ${context.world.rank}: ${name}: ${(error as Error).message}`);
    }
    return name;
  });
}
