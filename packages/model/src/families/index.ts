/** The families, one line each. */
export { bert } from "./bert/definition.ts";
export { encoderDecoder } from "./encoder-decoder/definition.ts";
export { gpt } from "./gpt/definition.ts";
export { t5 } from "./t5/definition.ts";
export { xlnet } from "./xlnet/definition.ts";
