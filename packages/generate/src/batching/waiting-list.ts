/** Sequences that wait for a place in a batch, in the order they came, by numbers of their own. */
import type { SequenceRequest } from "./decoding-batch.ts";

/** A sequence that waits. */
interface WaitingSequence {
  number: number;
  request: SequenceRequest;
}

/** An empty list. */
export function createWaitingList() {
  const waiting: WaitingSequence[] = [];
  let numbers = 0;
  return {
    get length() {
      return waiting.length;
    },
    /** The one that came first; undefined if none waits. */
    get first() {
      return waiting[0];
    },
    /** Adds a sequence and returns its number. */
    add(request: SequenceRequest): number {
      waiting.push({ number: ++numbers, request });
      return numbers;
    },
    /** Takes the first one off the list. */
    shift: () => waiting.shift(),
    /** Takes one off the list, if it is there. */
    remove(number: number): void {
      const index = waiting.findIndex((entry) => entry.number === number);
      if (index >= 0) waiting.splice(index, 1);
    },
  };
}
