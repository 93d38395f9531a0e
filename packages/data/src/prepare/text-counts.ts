/** Counts text in the units by which losses are divided. */

/** White space outside ASCII (Unicode's White_Space). */
const wideSpaces = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** UTF-8 bytes, code points, and words (separated by white space) of a text. */
export function countText(text: string): { bytes: number; characters: number; words: number } {
  let characters = text.length;
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xdc00 && unit <= 0xdfff) characters--;
    const space = unit < 0x80 ? unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) : isWideSpace(unit);
    if (!space && !inside) words++;
    inside = !space;
  }
  return { bytes: Buffer.byteLength(text), characters, words };
}

function isWideSpace(unit: number): boolean {
  if (unit < 0x2000 || (unit > 0x205f && unit !== 0x3000)) return unit === 0x85 || unit === 0xa0 || unit === 0x1680;
  return wideSpaces.test(String.fromCharCode(unit));
}
