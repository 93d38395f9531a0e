/** Entry point of a worker thread that writes what one rank has of a checkpoint. Built as a file of its own. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { failureOf } from "./agreement.ts";
import { type CheckpointPart, planFiles } from "./checkpoint-part.ts";
import { commitDraft } from "./draft.ts";
import { writeOwn } from "./save-checkpoint.ts";
import { lazily, type SaveAnswer, type SaveWorkerData } from "./save-in-background.ts";

const port = parentPort;
if (!port) throw new Error("the saving worker must run in a worker thread");

const { draft, groups, extraFiles, maxShardBytes, facts, rank, ranks } = workerData as SaveWorkerData;

function answer(work: () => CheckpointPart | null): void {
  let answered: SaveAnswer;
  try {
    answered = { result: work() };
  } catch (error) {
    answered = { failure: failureOf(error as Error) };
  }
  port!.postMessage(answered);
}

answer(() => {
  const part = writeOwn(draft, { planned: planFiles(lazily(groups), maxShardBytes), extraFiles });
  if (ranks === 1) commitDraft(draft, { parts: [part], facts });
  return part;
});
if (rank === 0 && ranks > 1) {
  const [parts] = (await once(port, "message")) as [CheckpointPart[]];
  answer(() => {
    commitDraft(draft, { parts, facts });
    return null;
  });
}
