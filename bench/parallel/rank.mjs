/** A rank, as a thread or as a process under mpirun, which prints what rank 0 measured. */
import { isMainThread } from "node:worker_threads";
import { connectMpi, detectLaunch } from "@megatron-ts/parallel/mpi";
import { serveRankThread } from "@megatron-ts/parallel/threads";
import { work } from "./work.mjs";

if (isMainThread) {
  const transport = await connectMpi(detectLaunch());
  const result = await work(transport, JSON.parse(process.argv[2]));
  transport.close();
  if (transport.rank === 0) process.stdout.write(`${JSON.stringify(result)}\n`);
} else {
  await serveRankThread(({ transport, data }) => work(transport, data));
}
