/** Ranks as worker threads of one Node process. */
export { type RankThread, serveRankThread } from "./rank-thread.ts";
export { type RankThreadsOptions, runRankThreads } from "./run-rank-threads.ts";
