/** Decodes prompts to the end, for tests. */

import type { Model } from "@megatron-ts/model";
import { decode } from "../decode.ts";
import type { DecodeOptions } from "../decoding.ts";

/** Generated token ids of each row. */
export function decodeRows(model: Model, prompts: readonly (readonly number[])[], options: DecodeOptions): number[][] {
  const rows: number[][] = prompts.map(() => []);
  for (const { row, token } of decode(model, prompts, options)) rows[row]!.push(token);
  return rows;
}
