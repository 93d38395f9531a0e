// The queue of a BPE trainer: candidates by count, the most frequent first; of equally frequent ones the pair of the
// lower left, then lower right id. Counts go stale as words change: the trainer looks again when one comes up.

/** A pair that may be merged at some positions. `positions` is the head of a list that the trainer keeps. */
export interface Candidate {
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

export interface MergeQueue {
  push(candidate: Candidate): void;
  pop(): Candidate | undefined;
}

/** A binary heap. */
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
