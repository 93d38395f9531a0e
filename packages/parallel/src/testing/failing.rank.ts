/** A run whose rank 1 dies, hangs, throws or works for long while the others wait for it: as threads, or as processes under an MPI launcher. */
import { isMainThread } from "node:worker_threads";
import type { Transport } from "../communicators/transport.ts";
import { connectMpi, detectLaunch } from "../mpi/index.ts";
import { serveRankThread } from "../threads/index.ts";

/** What rank 1 does. */
export type Failure = "die" | "hang" | "throw" | "work";

/** Of the ranks of a run that does not fail: how long rank 1 works, and how long others wait for a sign of it. */
const WORK_SECONDS = 5;
const PATIENT_SECONDS = 1.5;

async function work(transport: Transport, failure: Failure): Promise<void> {
  const meet = () => {
    const all = Array.from({ length: transport.size }, () => new Uint8Array(100));
    transport.exchange({ send: all, receive: all.map((bytes) => bytes.slice()) });
  };
  meet();
  if (transport.rank === 1) {
    if (failure === "throw") throw Object.assign(new Error("rank 1 refuses"), { userError: true });
    if (failure === "die") process.exit(3);
    const began = performance.now();
    while (failure === "hang" || performance.now() - began < 1000 * WORK_SECONDS)
      if (failure === "work") transport.work();
  }
  meet();
}

if (isMainThread) {
  const failure = process.argv[2] as Failure;
  const timeoutSeconds = failure === "work" ? PATIENT_SECONDS : 0.5;
  const transport = await connectMpi(detectLaunch()!, { timeoutSeconds });
  try {
    await work(transport, failure);
    transport.close();
  } catch (error) {
    console.error((error as Error).message);
    transport.abort(1);
  }
} else {
  await serveRankThread<Failure>(({ transport, data }) => work(transport, data));
}
