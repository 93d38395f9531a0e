/**
 * Extended grapheme clusters of a fixed version of Unicode (https://www.unicode.org/reports/tr29/).
 */
import { GRAPHEME_CLASS_NAMES, GRAPHEME_CLASSES } from "./graphemes-data.ts";
import { unpackClasses } from "./unpack.ts";

type ClassName =
  | "Other"
  | "CR"
  | "LF"
  | "Control"
  | "Extend"
  | "ExtendInConjunct"
  | "Linker"
  | "ZWJ"
  | "SpacingMark"
  | "Prepend"
  | "RegionalIndicator"
  | "L"
  | "V"
  | "T"
  | "LV"
  | "LVT"
  | "Consonant"
  | "Pictographic";

const names = GRAPHEME_CLASS_NAMES.split(" ") as ClassName[];
let classes: Uint8Array | undefined;

const isExtend = (kind: ClassName): boolean => kind === "Extend" || kind === "ExtendInConjunct" || kind === "Linker";
const isControl = (kind: ClassName): boolean => kind === "Control" || kind === "CR" || kind === "LF";

const HANGUL: Partial<Record<ClassName, readonly ClassName[]>> = {
  L: ["L", "V", "LV", "LVT"],
  LV: ["V", "T"],
  V: ["V", "T"],
  LVT: ["T"],
  T: ["T"],
};

/** What the rules need to know of the cluster so far. */
interface Cluster {
  /** Whether an odd number of regional indicators ends it. */
  oddIndicators: boolean;
  /** Whether it ends in a pictographic character, extending characters, and a zero-width joiner. */
  picture: "none" | "extended" | "joined";
  /** Whether it ends in a consonant and extending characters, with or without a linker. */
  conjunct: "none" | "consonant" | "linked";
}

/** Whether a cluster continues with a character of class `next` after one of class `previous`. */
function continues(previous: ClassName, next: ClassName, cluster: Cluster): boolean {
  if (previous === "CR" && next === "LF") return true;
  if (isControl(previous) || isControl(next)) return false;
  if (HANGUL[previous]?.includes(next)) return true;
  if (isExtend(next) || next === "ZWJ" || next === "SpacingMark" || previous === "Prepend") return true;
  if (next === "Consonant") return cluster.conjunct === "linked";
  if (next === "Pictographic") return cluster.picture === "joined";
  return next === "RegionalIndicator" && cluster.oddIndicators;
}

function advance(cluster: Cluster, kind: ClassName): void {
  cluster.oddIndicators = kind === "RegionalIndicator" && !cluster.oddIndicators;
  if (kind === "Pictographic") cluster.picture = "extended";
  else if (kind === "ZWJ") cluster.picture = cluster.picture === "extended" ? "joined" : "none";
  else if (!isExtend(kind) || cluster.picture === "joined") cluster.picture = "none";
  if (kind === "Consonant") cluster.conjunct = "consonant";
  else if (kind === "Linker") cluster.conjunct = cluster.conjunct === "none" ? "none" : "linked";
  else if (kind !== "ExtendInConjunct" && kind !== "ZWJ") cluster.conjunct = "none";
}

/** Calls `visit` with each grapheme cluster of a text, in order. */
export function visitGraphemes(text: string, visit: (cluster: string) => void): void {
  classes ??= unpackClasses(GRAPHEME_CLASSES);
  let start = 0;
  let previous: ClassName | undefined;
  let cluster: Cluster = { oddIndicators: false, picture: "none", conjunct: "none" };
  for (let position = 0; position < text.length; ) {
    const point = text.codePointAt(position)!;
    const kind = names[classes[point]!]!;
    if (previous !== undefined && !continues(previous, kind, cluster)) {
      visit(text.slice(start, position));
      start = position;
      cluster = { oddIndicators: false, picture: "none", conjunct: "none" };
    }
    advance(cluster, kind);
    previous = kind;
    position += point > 0xffff ? 2 : 1;
  }
  if (start < text.length) visit(text.slice(start));
}
