import { describe, expect, it } from "vitest";
import { GenerateError } from "../errors.ts";
import { type BeamOptions, beamOptions } from "./options.ts";

describe("beamOptions", () => {
  it("takes groups that divide the beams, with a penalty", () => {
    expect(beamOptions({ numBeams: 6, numBeamGroups: 3, diversityPenalty: 0.5 })).toMatchObject({ numBeamGroups: 3 });
  });

  it.each<[string, BeamOptions]>([
    ["no beams", { numBeams: 0 }],
    ["more sequences than beams", { numBeams: 2, numReturn: 3 }],
    ["groups of unequal size", { numBeams: 4, numBeamGroups: 3, diversityPenalty: 1 }],
    ["groups without a penalty", { numBeams: 4, numBeamGroups: 2 }],
    ["a penalty without groups", { numBeams: 4, diversityPenalty: 1 }],
    ["a penalty that is no number", { numBeams: 4, numBeamGroups: 2, diversityPenalty: Number.NaN }],
  ])("refuses %s", (_, options) => {
    expect(() => beamOptions(options)).toThrow(GenerateError);
  });
});
