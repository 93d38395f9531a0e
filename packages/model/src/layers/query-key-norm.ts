/** Norms of the queries and keys of each head, which keep scores small (Henry et al. 2020; Dehghani et al. 2023). */
import type { Scope } from "@megatron-ts/parallel";
import { createNorm, type NormConfig } from "./norm.ts";

/** Two norms over the last dimension of queries and keys [B, T, H, D], whose weights [D] all heads share. */
export function createQueryKeyNorm(scope: Scope, config: NormConfig) {
  const create = (name: string) => createNorm(scope.child(name), config, { ofSplit: true });
  return { query: create("queryNorm"), key: create("keyNorm") };
}
