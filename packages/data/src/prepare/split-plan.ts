/**
 * Plans the split of a dataset. Splits begin at document ends, where Megatron's do; but where that would leave a split without
 * documents, they are measured in tokens, and documents are cut if they are too few or too long.
 */
import type { DatasetSidecar, TextCounts } from "../sidecar.ts";
import { type DocumentRange, SPLIT_NAMES, type SplitName, splitDocuments } from "../split.ts";
import { readMarks } from "./marks.ts";
import { readRecords } from "./records.ts";

/** Where every split begins and ends. */
export interface SplitPlan {
  split: DatasetSidecar["split"];
  counts: TextCounts;
  /** Tokens of the dataset before each cut inside a document, ascending. */
  cuts: number[];
  /** Documents that are cut, as often as they are. */
  cutDocuments: number[];
}

/** A position between two splits: everything before it. */
interface Boundary extends TextCounts {
  /** Whether it is inside a document; `documents` then counts those that are complete. */
  inside: boolean;
}

/** A split at document ends may have up to this many times its share of the tokens, or as many times less. */
const TOLERANCE = 2;
/** A document end is preferred to a closer mark if it misses the target by up to this part of the smaller split. */
const SNAP = 0.1;
/** With more documents than this, an empty split is what its weight asked for. */
const MOST_DOCUMENTS = 100_000;

/**
 * @param options.mayCut whether documents may be cut
 * @throws DataError for invalid weights
 */
export function planSplit(
  prefix: string,
  { documents, weights, mayCut }: { documents: number; weights: readonly number[]; mayCut: boolean },
): SplitPlan {
  const ranges = splitDocuments(documents, weights);
  const isEmpty = ({ start, end }: DocumentRange, i: number) => (weights[i] ?? 0) > 0 && end === start;
  const empty = SPLIT_NAMES.some((name, i) => isEmpty(ranges[name], i));
  const chosen =
    empty && mayCut && documents <= MOST_DOCUMENTS ? chooseBoundaries(prefix, { documents, weights }) : null;
  return planAt(chosen ?? boundariesOf(prefix, { documents, ranges }), weights);
}

const nothing: Boundary = { documents: 0, tokens: 0, bytes: 0, characters: 0, words: 0, inside: false };

/** The start of train, the ends of train, validation and test, and the end of the dataset. */
type Boundaries = [start: Boundary, train: Boundary, validation: Boundary, test: Boundary, end: Boundary];

/** The ends of given ranges. */
function boundariesOf(
  prefix: string,
  { documents, ranges }: { documents: number; ranges: Record<SplitName, DocumentRange> },
): Boundaries {
  const boundaries: Boundaries = [nothing, nothing, nothing, nothing, nothing];
  for (const end of documentEnds(prefix, documents)) {
    SPLIT_NAMES.forEach((name, i) => {
      if (end.documents <= ranges[name].end) boundaries[i + 1] = end;
    });
    boundaries[4] = end;
  }
  return boundaries;
}

function* documentEnds(prefix: string, documents: number): Generator<Boundary> {
  let end = nothing;
  for (const record of readRecords(prefix, { start: 0, end: documents })) {
    end = after(end, record, { documents: 1, inside: false });
    yield end;
  }
}

/** The boundary after a text of these sizes. */
function after(
  start: Boundary,
  { tokens, bytes, characters, words }: Omit<TextCounts, "documents">,
  { documents, inside }: { documents: number; inside: boolean },
): Boundary {
  return {
    documents: start.documents + documents,
    tokens: start.tokens + tokens,
    bytes: start.bytes + bytes,
    characters: start.characters + characters,
    words: start.words + words,
    inside,
  };
}

/** Boundaries by tokens; undefined where the text is too short to be split. */
function chooseBoundaries(
  prefix: string,
  { documents, weights }: { documents: number; weights: readonly number[] },
): Boundaries | undefined {
  const ends = [nothing, ...documentEnds(prefix, documents)];
  const end = ends.at(-1)!;
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const shares = weights.filter((weight) => weight > 0).map((weight) => (weight / sum) * end.tokens);
  const targets = shares.slice(1).map((_, i) => shares.slice(0, i + 1).reduce((all, share) => all + share, 0));
  const chosen = chooseEnds(ends, { shares, targets }) ?? chooseMarks(prefix, { ends, shares, targets });
  if (!chosen) return undefined;
  let used = 0;
  const [train, validation, test] = SPLIT_NAMES.map((_, i) => chosen[(weights[i] ?? 0) > 0 ? ++used : used]!);
  return [nothing, train!, validation!, test!, end];
}

interface Targets {
  /** Tokens that each split should have. */
  shares: readonly number[];
  /** Tokens before each boundary between two splits. */
  targets: readonly number[];
}

/** Document ends, where they come close enough to the shares. */
function chooseEnds(ends: readonly Boundary[], { shares, targets }: Targets): Boundary[] | undefined {
  const chosen = nearest(ends, targets);
  const tolerable = chosen?.slice(1).every(({ tokens }, i) => {
    const share = tokens - chosen[i]!.tokens;
    return share <= TOLERANCE * shares[i]! && TOLERANCE * share >= shares[i]!;
  });
  return tolerable ? chosen : undefined;
}

/** Marks inside documents, or document ends that are nearly as close. */
function chooseMarks(
  prefix: string,
  { ends, shares, targets }: Targets & { ends: readonly Boundary[] },
): Boundary[] | undefined {
  const candidates = [...ends];
  for (const mark of readMarks(prefix))
    candidates.push(after(ends[mark.document]!, mark, { documents: 0, inside: true }));
  candidates.sort((a, b) => a.tokens - b.tokens);
  return nearest(candidates, targets, ({ tokens, inside }, i) => {
    const distance = Math.abs(tokens - targets[i]!);
    const margin = SNAP * Math.min(shares[i]!, shares[i + 1]!);
    return !inside && distance <= margin ? 0 : distance;
  });
}

/**
 * The first candidate, the nearest one to each target, all different, and the last candidate.
 * @param distance from the target of a number
 */
function nearest(
  candidates: readonly Boundary[],
  targets: readonly number[],
  distance = ({ tokens }: Boundary, target: number) => Math.abs(tokens - targets[target]!),
): Boundary[] | undefined {
  const distinct = candidates.filter(({ tokens }, i) => i === 0 || tokens > candidates[i - 1]!.tokens);
  if (distinct.length < targets.length + 2) return undefined;
  const chosen = [0];
  targets.forEach((_, target) => {
    // At least one candidate remains for each of the boundaries that follow.
    const last = distinct.length - 1 - (targets.length - target);
    let best = chosen.at(-1)! + 1;
    for (let i = best + 1; i <= last; i++)
      if (distance(distinct[i]!, target) < distance(distinct[best]!, target)) best = i;
    chosen.push(best);
  });
  return [...chosen.map((index) => distinct[index]!), distinct.at(-1)!];
}

function planAt([start, train, validation, test, end]: Boundaries, weights: readonly number[]): SplitPlan {
  const cuts = [train, validation, test].filter((boundary, i, all) => boundary.inside && boundary !== all[i - 1]);
  // A cut makes two documents of one.
  const numberOf = ({ documents, tokens }: Boundary) => documents + cuts.filter((cut) => cut.tokens <= tokens).length;
  const between = (from: Boundary, to: Boundary) => ({
    start: numberOf(from),
    end: numberOf(to),
    documents: numberOf(to) - numberOf(from),
    tokens: to.tokens - from.tokens,
    bytes: to.bytes - from.bytes,
    characters: to.characters - from.characters,
    words: to.words - from.words,
  });
  const { start: _start, end: _end, ...counts } = between(start, end);
  return {
    split: {
      weights: [...weights],
      train: between(start, train),
      validation: between(train, validation),
      test: between(validation, test),
      ...(cuts.length > 0 && { cuts: cuts.length }),
    },
    counts,
    cuts: cuts.map(({ tokens }) => tokens),
    cutDocuments: cuts.map(({ documents }) => documents),
  };
}
