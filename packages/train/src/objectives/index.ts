/** The objectives, one line for each folder. */
export { causal } from "./causal/definition.ts";
export { masked } from "./masked/definition.ts";
export { permutation } from "./permutation/definition.ts";
export { prefix } from "./prefix/definition.ts";
export { denoising, sourceTarget, spanCorruption } from "./sequence/definition.ts";
