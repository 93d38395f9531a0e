/** A rank that runs the conformance suite, as a thread or as a process under an MPI launcher. */
import { isMainThread } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import type { Transport } from "../communicators/transport.ts";
import { checkCommunicators } from "../conformance.ts";
import { connectMpi, detectLaunch } from "../mpi/index.ts";
import { serveRankThread } from "../threads/index.ts";

async function check(transport: Transport): Promise<string[]> {
  await tf.setBackend("cpu");
  return checkCommunicators(transport);
}

tf.enableProdMode();
if (isMainThread) {
  const transport = await connectMpi(detectLaunch()!, { chunkBytes: Number(process.argv[2]) });
  try {
    const cases = await check(transport);
    transport.close();
    if (transport.rank === 0) console.log(JSON.stringify({ ranks: transport.size, cases }));
  } catch (error) {
    console.error((error as Error).message);
    transport.abort(1);
  }
} else {
  await serveRankThread(({ transport }) => check(transport));
}
