/** Prefix language modeling: the causal loss, over batches whose tokens also see the rest of their prefix. */
import type { CausalBatch } from "@megatron-ts/data";
import { causalObjective } from "../causal/loss.ts";
import type { Objective } from "../objective.ts";

/** The prefix language modeling loss: that of the tokens behind each prefix. Ranks cannot share tokens that see ahead. */
export const prefixObjective: Objective<CausalBatch> = { ...causalObjective, name: "prefix", shareTokens: undefined };
