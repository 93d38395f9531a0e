/** A rank of a tiny fine-tuning run, as a thread or as a process under an MPI launcher. */
import { start } from "@megatron-ts/engine";
import { createMesh, type Transport } from "@megatron-ts/parallel";
import { createTokenizer, type Tokenizer } from "@megatron-ts/tokenizer";
import type { RunEvent } from "@megatron-ts/train";
import { serveTasks } from "../../../train/src/testing/serve-tasks.ts";
import { type FinetuneResult, finetune, parseFinetuneRecipe } from "../index.ts";

/** What the ranks train. */
export interface FinetuningTask {
  recipe: string;
  overrides: [path: string, value: string][];
  tokenizer: Tokenizer["json"];
  resume?: string;
  /** Requests a stop of the last rank after this step. */
  stopAfter?: number;
}

/** What a rank saw. Events are rank 0's. */
export type FinetuningOutcome = FinetuneResult & { events: RunEvent[] };

let engine: Promise<unknown> | null = null;
const started = () => (engine ??= start({ threads: 1 }));

/** Runs one rank; null for a run of this process alone. */
export async function finetuneRank(
  transport: Transport | null,
  { recipe, overrides, tokenizer, resume, stopAfter }: FinetuningTask,
): Promise<FinetuningOutcome> {
  await started();
  const configuration = parseFinetuneRecipe(recipe, { overrides });
  const events: RunEvent[] = [];
  const isLast = !transport || transport.rank === transport.size - 1;
  let steps = 0;
  const stop = {
    get requested() {
      return steps++ === stopAfter && isLast ? "SIGTERM" : null;
    },
  };
  const result = await finetune(configuration, {
    tokenizer: await createTokenizer(tokenizer),
    resume,
    stop,
    mesh: transport ? createMesh(transport, configuration.parallel) : undefined,
    onEvent: (event) => events.push(event),
  });
  return { ...result, events };
}

await serveTasks(finetuneRank);
