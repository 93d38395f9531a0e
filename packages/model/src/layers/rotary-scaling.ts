/**
 * Frequencies of rotary positions that are stretched to longer texts than were trained: linear interpolation (Chen et al.
 * 2023), Llama 3.1's by wavelength, YaRN (Peng et al. 2023); and two that depend on the text's length: dynamic NTK, and
 * LongRoPE (Ding et al. 2024).
 */
import * as z from "zod";

const factor = z.number().positive();
const length = z.int().positive();

/** Multiplies cosines and sines. */
const attentionFactor = z.number().nonnegative();

/** How frequencies are scaled. Lengths are in tokens. */
export const rotaryScalingSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("linear"), factor }),
  /** Texts longer than the original length get a larger base. Keys in a cache keep the angles that they were given. */
  z.strictObject({ type: z.literal("dynamic"), factor, originalMaxPositions: length }),
  z.strictObject({
    type: z.literal("llama3"),
    factor,
    lowFrequencyFactor: factor,
    highFrequencyFactor: factor,
    originalMaxPositions: length,
  }),
  z.strictObject({
    type: z.literal("yarn"),
    factor,
    originalMaxPositions: length,
    /** Rotations over the original length from which on a frequency is left alone, and up to which it is divided. */
    betaFast: factor,
    betaSlow: factor,
    /** Whether the range between is rounded to whole frequencies. */
    truncate: z.boolean(),
    attentionFactor,
  }),
  z.strictObject({
    type: z.literal("longrope"),
    /** Divisors of the frequencies of texts up to the original length, and of longer ones: one for each pair of coordinates. */
    shortFactors: z.array(factor).min(1),
    longFactors: z.array(factor).min(1),
    originalMaxPositions: length,
    attentionFactor,
  }),
]);

/** A way to scale frequencies. */
export type RotaryScaling = z.output<typeof rotaryScalingSchema>;
type Scaling<Type> = Extract<RotaryScaling, { type: Type }>;

/** Whether the frequencies depend on the length of the text. */
export const dependsOnLength = ({ type }: RotaryScaling): boolean => type === "dynamic" || type === "longrope";

/** The frequencies of a head, D/2 of them, from theta^(-2i / D), for a text of `textLength` tokens. */
export function scaledFrequencies(
  frequencies: readonly number[],
  { scaling, theta, textLength }: { scaling: RotaryScaling; theta: number; textLength: number },
): readonly number[] {
  switch (scaling.type) {
    case "linear":
      return frequencies.map((frequency) => frequency / scaling.factor);
    case "dynamic":
      return dynamicFrequencies(frequencies, { scaling, theta, textLength });
    case "longrope": {
      const factors = textLength > scaling.originalMaxPositions ? scaling.longFactors : scaling.shortFactors;
      return frequencies.map((frequency, index) => frequency / factors[index]!);
    }
    case "llama3":
      return frequencies.map((frequency) => byWavelength(frequency, scaling));
    case "yarn":
      return yarnFrequencies(frequencies, { scaling, theta });
  }
}

function dynamicFrequencies(
  frequencies: readonly number[],
  { scaling, theta, textLength }: { scaling: Scaling<"dynamic">; theta: number; textLength: number },
): number[] {
  const dimension = 2 * frequencies.length;
  const { factor, originalMaxPositions: original } = scaling;
  const growth = (factor * Math.max(textLength, original)) / original - (factor - 1);
  const base = theta * growth ** (dimension / (dimension - 2));
  return frequencies.map((_, index) => base ** ((-2 * index) / dimension));
}

/** Short wavelengths stay, long ones are stretched, those between are interpolated. */
function byWavelength(
  frequency: number,
  { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions }: Scaling<"llama3">,
): number {
  const rotations = (originalMaxPositions * frequency) / (2 * Math.PI);
  if (rotations < low) return frequency / factor;
  if (rotations > high) return frequency;
  const smooth = (rotations - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

function yarnFrequencies(
  frequencies: readonly number[],
  { scaling, theta }: { scaling: Scaling<"yarn">; theta: number },
): number[] {
  const dimension = 2 * frequencies.length;
  const { factor, originalMaxPositions, truncate } = scaling;
  const indexOf = (rotations: number) =>
    (dimension * Math.log(originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [indexOf(scaling.betaFast), indexOf(scaling.betaSlow)];
  const low = Math.max(truncate ? Math.floor(from) : from, 0);
  const end = Math.min(truncate ? Math.ceil(to) : to, dimension - 1);
  const high = end === low ? end + 0.001 : end;
  return frequencies.map((frequency, index) => {
    const stretched = Math.min(Math.max((index - low) / (high - low), 0), 1);
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
}
