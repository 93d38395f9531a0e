import { expect, it } from "vitest";
import { checkpointsToDelete } from "./retention.ts";

const saved = [
  { step: 300, heldOutLoss: 3.0 },
  { step: 100, heldOutLoss: 2.0 },
  { step: 200, heldOutLoss: 2.0 },
  { step: 400 },
  { step: 500, heldOutLoss: Number.NaN },
];

it("keeps the last and the best, ties to the earlier", () => {
  expect(checkpointsToDelete(saved, { last: 2, best: 1 })).toEqual([200, 300]);
  expect(checkpointsToDelete(saved, { last: 1, best: 2 })).toEqual([300, 400]);
  expect(checkpointsToDelete(saved, { last: 1, best: 0 })).toEqual([100, 200, 300, 400]);
  expect(checkpointsToDelete(saved, { last: 9, best: 0 })).toEqual([]);
});

it("never deletes the newest", () => {
  expect(checkpointsToDelete(saved, { last: 0, best: 1 })).toEqual([200, 300, 400]);
  expect(checkpointsToDelete([], { last: 0, best: 0 })).toEqual([]);
});
