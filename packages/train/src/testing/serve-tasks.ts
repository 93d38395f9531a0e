/** Runs the tasks of a test on this rank: as a thread of a crew, or as a process under an MPI launcher. Imported by a test, it does nothing. */
import { readFileSync } from "node:fs";
import { BroadcastChannel, isMainThread } from "node:worker_threads";
import type { Transport } from "@megatron-ts/parallel";
import { connectMpi, detectLaunch } from "@megatron-ts/parallel/mpi";
import { serveRankThread } from "@megatron-ts/parallel/threads";
import type { RankReport } from "./rank-crew.ts";

/** Serves a crew or a launcher; under the latter, tasks are in the file of the first argument. */
export async function serveTasks<Task, Outcome>(
  run: (transport: Transport, task: Task) => Promise<Outcome>,
): Promise<void> {
  if (!isMainThread) return serveCrew(run);
  const launch = detectLaunch();
  if (!launch) return;
  const transport = await connectMpi(launch, { timeoutSeconds: Number(process.argv[3] ?? 8) });
  try {
    const outcomes: Outcome[] = [];
    for (const task of JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Task[]) {
      outcomes.push(await run(transport, task));
    }
    transport.close();
    if (transport.rank === 0) console.log(JSON.stringify(outcomes));
  } catch (error) {
    if (transport.rank === 0) console.error((error as Error).message);
    transport.abort(1);
  }
}

function serveCrew<Task, Outcome>(run: (transport: Transport, task: Task) => Promise<Outcome>): Promise<void> {
  return serveRankThread<string>(async ({ transport, data: name, tell }) => {
    const channel = new BroadcastChannel(name);
    let outcomes: Outcome[] = [];
    for (;;) {
      const arrived = new Promise<Task[] | null>((resolve) => {
        channel.onmessage = (event) => resolve((event as MessageEvent).data as Task[] | null);
      });
      tell({ outcomes } satisfies RankReport<Outcome>);
      const tasks = await arrived;
      if (!tasks) break;
      outcomes = [];
      for (const task of tasks) outcomes.push(await run(transport, task));
    }
    channel.close();
  });
}
