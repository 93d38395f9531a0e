/** Checks of a decoder's configuration that concern more than one field. For `superRefine`. */
import type * as z from "zod";
import type { RotaryScaling } from "../../layers/rotary-scaling.ts";

interface LayerFields {
  numLayers: number;
  layersWithoutRotary: number[];
  layersWithoutWindow: number[];
  layersWithValueEmbeddings: number[];
}

/** Adds an issue for a layer that the model does not have. */
export function checkLayers({ numLayers, ...lists }: LayerFields, context: z.RefinementCtx): void {
  for (const field of ["layersWithoutRotary", "layersWithoutWindow", "layersWithValueEmbeddings"] as const) {
    const beyond = lists[field].find((layer) => layer >= numLayers);
    if (beyond === undefined) continue;
    const message = `layer ${beyond} does not exist: layers are counted from 0 to ${numLayers - 1}`;
    context.addIssue({ code: "custom", path: [field], message });
  }
}

interface HeadFields {
  hiddenSize: number;
  numHeads: number;
  headSize?: number;
  rotaryFraction: number;
}

/** How many coordinates of a head rotary positions turn. */
export const rotatedSize = ({ hiddenSize, numHeads, headSize = hiddenSize / numHeads, rotaryFraction }: HeadFields) =>
  Math.floor(headSize * rotaryFraction);

type RotaryFields = HeadFields &
  Pick<LayerFields, "layersWithoutRotary"> & { positions: string; rotaryScaling?: RotaryScaling };

/** Adds an issue for coordinates that make no pairs or have no factors, and for fields of rotary positions without those. */
export function checkRotary(config: RotaryFields, context: z.RefinementCtx): void {
  const addIssue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (config.positions !== "rotary") {
    if (config.layersWithoutRotary.length > 0) addIssue("layersWithoutRotary", 'needs positions "rotary"');
    return;
  }
  const rotated = rotatedSize(config);
  if (rotated % 2 !== 0 || rotated === 0) {
    const field = config.rotaryFraction === 1 ? "headSize" : "rotaryFraction";
    addIssue(field, `rotary positions turn pairs, but ${rotated} coordinates of a head are to be turned`);
  }
  const { rotaryScaling: scaling } = config;
  if (scaling?.type === "dynamic" && rotated === 2) addIssue("rotaryScaling", "dynamic needs more than 2 coordinates");
  if (scaling?.type !== "longrope") return;
  for (const field of ["shortFactors", "longFactors"] as const) {
    const found = scaling[field].length;
    if (found === rotated / 2) continue;
    const message = `${found} factors for ${rotated / 2} pairs of coordinates`;
    context.addIssue({ code: "custom", path: ["rotaryScaling", field], message });
  }
}
