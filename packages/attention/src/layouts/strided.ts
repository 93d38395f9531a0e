/** The strided pattern (Child et al. 2019): recent tokens, and every `stride`-th token before them. Suits periodic data. */
import { or } from "./compose.ts";
import { diagonals } from "./diagonals.ts";
import type { Layout } from "./layout.ts";
import { requireSize } from "./require-size.ts";

/** Options of `strided`. */
export interface StridedOptions {
  /** About the square root of the text's length. */
  stride: number;
  /** Whether the two parts are merged in every head, or even heads have the near part and odd ones the far. Default: merged. */
  heads?: "merged" | "alternating";
  /** Otherwise the same on both sides. */
  causal: boolean;
}

/** Query i sees keys from i - stride to i, and keys j for which stride divides i - j. Throws a LayoutError for a stride below 1. */
export function strided({ stride, heads = "merged", causal }: StridedOptions): Layout {
  requireSize("stride", stride);
  const near = diagonals({ from: causal ? 0 : -stride, to: stride });
  const far = diagonals({ from: causal ? 0 : Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, step: stride });
  if (heads === "merged") return or(near, far);
  return {
    ...near,
    perHead: true,
    place: (where) => (where.head % 2 === 0 ? near : far).place(where),
  };
}
