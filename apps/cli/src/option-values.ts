/** Texts of the command line as the values that options want; commander says which option was wrong. */
import { InvalidArgumentError } from "commander";

/** A whole number of at least `minimum`. */
export const wholeNumber =
  (minimum: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${minimum}.`);
  };

/** A number; what it may be is for the package that takes it. */
export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/** Numbers with commas between them: 98,1,1. */
export const numberList = (text: string): number[] => text.split(",").map(anyNumber);
