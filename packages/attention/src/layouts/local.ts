/**
 * Sliding windows by token, with tokens that see and are seen everywhere (Mistral, Jiang et al. 2023; Longformer, Beltagy
 * et al. 2020).
 */
import { LayoutError } from "../errors.ts";
import { and, or } from "./compose.ts";
import { causal, diagonals } from "./diagonals.ts";
import { globalTokens } from "./global-tokens.ts";
import type { Layout } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** Options of `local`. */
export interface LocalOptions {
  /**
   * Causal: how many keys a query sees, its own included. Otherwise half of them (rounded down) are on each side, and its
   * own comes on top. Default: 256 where it is causal, else 512.
   */
  window?: number;
  causal: boolean;
  /** Positions that see all tokens and that all tokens see; where it is causal, later ones. Default: none. */
  globalTokens?: readonly number[];
}

/** A sliding window. Throws a LayoutError for a window below 1. */
export function local(options: LocalOptions): Layout {
  const { causal: isCausal, window = isCausal ? 256 : 512, globalTokens: positions = [] } = options;
  requireSize("window", window);
  const half = Math.floor(window / 2);
  const near = diagonals(isCausal ? { from: 0, to: window - 1 } : { from: -half, to: half });
  if (positions.some((position) => !(Number.isInteger(position) && position >= 0))) {
    throw new LayoutError(`globalTokens: expected positions from 0 on, got ${positions.join(", ")}`);
  }
  if (positions.length === 0) return near;
  const far = globalTokens(positions);
  return or(near, isCausal ? and(far, causal()) : far);
}
