/**
 * The options of BPE models.
 */
import type { Merge } from "./merges.ts";

/** A BPE vocabulary. */
export interface BpeOptions {
  /** Tokens and their ids. */
  vocabulary: ReadonlyMap<string, number>;
  /** Merges in order of rank. */
  merges: readonly Merge[];
  /** The prefix of tokens inside a word. */
  prefix: string;
  /** The suffix of the last token of a word. */
  suffix: string;
  /** The token for characters that are not in the vocabulary; without one, these are dropped. */
  unknownToken: string | undefined;
  /** Its id, if it has one. */
  unknown: number | undefined;
  /** Whether unknown characters in a row are one token. */
  fuseUnknown: boolean;
  /** Whether unknown characters are spelled by the tokens <0x00> to <0xFF>, if all that are needed exist. */
  byteFallback: boolean;
  /** Whether a word that is a token is encoded as such, whatever its merges. */
  ignoreMerges: boolean;
}
