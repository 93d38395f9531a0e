/** A sliding window with gaps (Beltagy et al. 2020, section 3.1). */
import { diagonals } from "./diagonals.ts";
import type { Layout } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** Options of `dilated`. */
export interface DilatedOptions {
  /** As in `local`: how many keys a causal query sees, its own included; otherwise half of them on each side. Default: 256. */
  window?: number;
  /** The distance between one of them and the next. Default: 2. */
  dilation?: number;
  causal: boolean;
}

/** A window of every `dilation`-th token. Throws a LayoutError for a window or a dilation below 1. */
export function dilated({ window = 256, dilation = 2, causal }: DilatedOptions): Layout {
  requireSize("window", window);
  requireSize("dilation", dilation);
  const half = Math.floor(window / 2) * dilation;
  return diagonals({ from: causal ? 0 : -half, to: causal ? (window - 1) * dilation : half, step: dilation });
}
