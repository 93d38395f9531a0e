/**
 * Rank threads that wait for their next tasks when they have ended some: starting them, and compiling what they run, takes
 * longer than a tiny run. For tests.
 */
import { randomUUID } from "node:crypto";
import { BroadcastChannel } from "node:worker_threads";
import { runRankThreads } from "@megatron-ts/parallel/threads";

/** What a rank tells when it waits for tasks: the outcomes of those before, if any. */
export interface RankReport<Outcome> {
  outcomes: Outcome[];
}

/** Crews by their number of ranks. */
export interface RankCrews<Task, Outcome> {
  /**
   * Runs tasks one after the other, and returns the outcomes of rank 0. A crew with a rank that fails ends, and rejects. With a
   * timeout it is a crew of its own.
   */
  run(tasks: readonly Task[], ranks: number, timeoutSeconds?: number): Promise<Outcome[]>;
  /** Ends all crews. */
  close(): Promise<void>;
}

interface Crew<Task, Outcome> {
  run(tasks: readonly Task[]): Promise<Outcome[]>;
  close(): Promise<void>;
}

/** @param file the module of a rank; it is given the name of the channel on which tasks arrive, null at the end */
export function createRankCrews<Task, Outcome>(file: URL): RankCrews<Task, Outcome> {
  const crews = new Map<number, Crew<Task, Outcome>>();
  return {
    async run(tasks, ranks, timeoutSeconds) {
      if (timeoutSeconds !== undefined) {
        const own = startCrew<Task, Outcome>(file, ranks, timeoutSeconds);
        const outcomes = await own.run(tasks);
        await own.close();
        return outcomes;
      }
      const crew = crews.get(ranks) ?? startCrew<Task, Outcome>(file, ranks);
      crews.set(ranks, crew);
      try {
        return await crew.run(tasks);
      } catch (error) {
        crews.delete(ranks);
        throw error;
      }
    },
    close: async () => void (await Promise.all([...crews.values()].map((crew) => crew.close()))),
  };
}

function startCrew<Task, Outcome>(file: URL, ranks: number, timeoutSeconds?: number): Crew<Task, Outcome> {
  const name = `ranks ${randomUUID()}`;
  const channel = new BroadcastChannel(name);
  let waiting = 0;
  let outcomes: Outcome[] = [];
  let onAllWaiting = () => {};
  const onMessage = (message: unknown, rank: number) => {
    if (rank === 0) ({ outcomes } = message as RankReport<Outcome>);
    if (++waiting === ranks) onAllWaiting();
  };
  const allWait = () =>
    new Promise<void>((resolve) => {
      onAllWaiting = resolve;
      if (waiting === ranks) resolve();
    });
  const ended = runRankThreads({ file, ranks, data: name, onMessage, timeoutSeconds }).finally(() => channel.close());
  return {
    async run(tasks) {
      const work = async () => {
        await allWait();
        waiting = 0;
        channel.postMessage(tasks);
        await allWait();
        return outcomes;
      };
      // `ended` only wins by its error.
      return (await Promise.race([work(), ended])) as Outcome[];
    },
    async close() {
      channel.postMessage(null);
      await ended;
    },
  };
}
