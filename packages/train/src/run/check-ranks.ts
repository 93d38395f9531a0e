/** Checks before the first step that all ranks run the same: recipe, code and data. Ranks that differ would train nonsense. */
import type { Communicator } from "@megatron-ts/parallel";
import { ConfigError, type ConfigProblem } from "../errors.ts";

/** Seconds that ranks may take longer than others to start: they read files, from disks that may be far away. */
export const STARTING_SECONDS = 60;

/** What a rank runs, by the path that a difference is reported at. */
export type RankIdentity = Readonly<Record<string, unknown>>;

/** Throws the same ConfigError on every rank if one of them differs from rank 0. */
export function checkRanksAgree(world: Communicator, own: RankIdentity): void {
  const [first, ...others] = world
    .gatherText(JSON.stringify(own), { patience: STARTING_SECONDS })
    .map((text) => JSON.parse(text) as RankIdentity);
  const problems = others.flatMap((other, index): ConfigProblem[] =>
    Object.keys(first!).flatMap((path): ConfigProblem[] => {
      const [expected, found] = [first, other].map((identity) => JSON.stringify(identity![path]));
      if (expected === found) return [];
      const message = `expected the same on every rank; rank 0 has ${expected} and rank ${index + 1} has ${found}`;
      return [{ path, message }];
    }),
  );
  if (problems.length > 0) throw new ConfigError(problems);
}
