/**
 * Measures how many bits per byte brotli needs for the quickstart's held-out text: alone, and primed with the training
 * text (the compressed size of both minus that of the training text, all within the window). Prints one JSON object.
 */
import { brotliCompressSync, constants } from "node:zlib";
import { quickstartText } from "./quickstart-text.mjs";

function compressedSize(bytes) {
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_SIZE_HINT: size } = constants;
  return brotliCompressSync(bytes, { params: { [quality]: 11, [window]: 24, [size]: bytes.length } }).length;
}

const { speeches, heldOut, mobyDick } = quickstartText();
const held = Buffer.concat(heldOut);
const training = Buffer.concat([mobyDick, ...speeches]);
const primed = compressedSize(Buffer.concat([training, held])) - compressedSize(training);
const bitsPerByte = (size) => (8 * size) / held.length;
console.log(JSON.stringify({ alone: bitsPerByte(compressedSize(held)), primed: bitsPerByte(primed) }));
