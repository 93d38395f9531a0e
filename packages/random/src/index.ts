export { globalIndex, type TensorPart } from "./global-index.ts";
export { hashKey } from "./key.ts";
export type { Key } from "./philox.ts";
export {
  boundedInteger,
  normals,
  permutation,
  type StreamOptions,
  truncatedNormals,
  uniforms,
  words,
} from "./streams.ts";
