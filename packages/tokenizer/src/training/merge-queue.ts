/**
 * The priority queue of a BPE trainer: pairs by count, the most frequent first; of equally frequent ones, the pair with the
 * lower left, then lower right id. Counts become stale as words change; the trainer checks them when it pops a pair.
 */
/** A pair that may be merged. `positions` is the head of the trainer's list of its positions. */
interface Candidate {
  pair: number;
  left: number;
  right: number;
  count: number;
  positions: number;
}

const before = (a: Candidate, b: Candidate): boolean => {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
};

/** Candidates in order. */
export interface MergeQueue {
  /** Adds a candidate. */
  push(candidate: Candidate): void;
  /** Removes and returns the first candidate, or undefined if the queue is empty. */
  pop(): Candidate | undefined;
}

/** Creates an empty queue: a binary heap. */
export function createMergeQueue(): MergeQueue {
  const heap: Candidate[] = [];

  const sink = (candidate: Candidate): void => {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(candidate, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = candidate;
  };

  return {
    push(candidate) {
      let index = heap.length;
      heap.push(candidate);
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!before(candidate, heap[parent]!)) break;
        heap[index] = heap[parent]!;
        index = parent;
      }
      heap[index] = candidate;
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) sink(last);
      return top;
    },
  };
}
