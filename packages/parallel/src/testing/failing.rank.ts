/** A run whose rank 1 dies, hangs or throws while the others wait for it: as threads, or as processes under an MPI launcher. */
import { isMainThread } from "node:worker_threads";
import type { Transport } from "../communicators/transport.ts";
import { connectMpi, detectLaunch } from "../mpi/index.ts";
import { serveRankThread } from "../threads/index.ts";

/** What rank 1 does. */
export type Failure = "die" | "hang" | "throw";

async function work(transport: Transport, failure: Failure): Promise<void> {
  const meet = () => {
    const all = Array.from({ length: transport.size }, () => new Uint8Array(100));
    transport.exchange({ send: all, receive: all.map((bytes) => bytes.slice()) });
  };
  meet();
  if (transport.rank === 1) {
    if (failure === "throw") throw Object.assign(new Error("rank 1 refuses"), { userError: true });
    if (failure === "die") process.exit(3);
    for (;;);
  }
  meet();
}

if (isMainThread) {
  const transport = await connectMpi(detectLaunch()!, { timeoutSeconds: 0.5 });
  try {
    await work(transport, process.argv[2] as Failure);
  } catch (error) {
    console.error((error as Error).message);
    transport.abort(1);
  }
} else {
  await serveRankThread<Failure>(({ transport, data }) => work(transport, data));
}
