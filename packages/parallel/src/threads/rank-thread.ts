/** The side of a rank thread: joins the run, does its work, and tells the supervisor how it ended. */
import { parentPort, workerData } from "node:worker_threads";
import type { Transport } from "../communicators/transport.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { createThreadTransport } from "./thread-transport.ts";

/** What the supervisor starts a rank thread with. */
export interface RankThreadData {
  memory: SharedMemory;
  rank: number;
  host: string;
  timeoutSeconds: number | undefined;
  /** Its first element is the number of the signal that asks the run to stop; 0 before that. */
  stop: SharedArrayBuffer;
  data: unknown;
}

/** What a rank thread tells the supervisor. */
export type RankMessage =
  | { type: "message"; message: unknown }
  | { type: "done"; result: unknown }
  | { type: "failed"; name: string; message: string; stack: string | undefined; details: Record<string, unknown> };

/** What the work of a rank thread is given. */
export interface RankThread<Data> {
  transport: Transport;
  /** The supervisor's data, the same for each rank. */
  data: Data;
  /** Sends a message to the supervisor. */
  tell(message: unknown): void;
  /** The number of the signal that asks the run to stop; 0 before that. */
  stop(): number;
}

/** Runs the work of this rank. Call it once, in the file that `runRankThreads` starts. */
export async function serveRankThread<Data>(work: (thread: RankThread<Data>) => Promise<unknown>): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error("a rank must run in a worker thread that runRankThreads started");
  const tell = (message: RankMessage) => port.postMessage(message);
  const { memory, data, stop, ...place } = workerData as RankThreadData & { data: Data };
  try {
    const transport = createThreadTransport(memory, place);
    const result = await work({
      transport,
      data,
      tell: (message) => tell({ type: "message", message }),
      stop: () => Atomics.load(new Int32Array(stop), 0),
    });
    transport.close();
    tell({ type: "done", result });
  } catch (error) {
    const { name, message, stack } = error as Error;
    tell({ type: "failed", name, message, stack, details: detailsOf(error as Error) });
  }
}

/** The fields of an error that describe it, such as its code and path, and whether it is the user's. */
const detailsOf = (error: Error) =>
  Object.fromEntries(
    Object.entries(error).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)),
  );
