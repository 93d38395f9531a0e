/** The module of a rank thread, built next to the program. */
import { serveRankThread } from "@megatron-ts/parallel/threads";
import { type RankMessage, type RankThreadRun, stopFlag } from "./ranks/train-on-threads.ts";
import { prepareRank } from "./ranks/train-rank.ts";

await serveRankThread<RankThreadRun>(async ({ transport, data, tell, stop }) => {
  const say = (message: RankMessage) => tell(message);
  const train = await prepareRank(data, {
    transport,
    ranksHere: null,
    stop: stopFlag(stop),
    onEvent: say,
    onSelfPretrain: (run) => say({ type: "self-pretraining", run }),
  });
  const { start } = await import("@megatron-ts/engine");
  await start(data.engine);
  return train();
});
