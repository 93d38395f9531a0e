/** An attention map as an image: a BMP file with a palette, in a data URI, which every browser draws without a script. */

/** Bytes of the two headers, and of the palette's 256 colours. */
const HEADERS = 54;
const PALETTE = 1024;

/** Colours as red, green, blue. */
type Colour = readonly [number, number, number];

const NOTHING: Colour = [255, 255, 255];
const ALL: Colour = [13, 71, 161];
/** Of keys that a query does not see. */
const UNSEEN: Colour = [232, 232, 232];

/** The image of the shares [T][S], 0..1, one pixel each. Zeros, which are keys that a query does not see, have a grey of their own. */
export function attentionImage(shares: readonly (readonly number[])[]): string {
  const [height, width] = [shares.length, shares[0]!.length];
  const stride = Math.ceil(width / 4) * 4;
  const bytes = new Uint8Array(HEADERS + PALETTE + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, HEADERS + PALETTE, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  // Negative: from top to bottom.
  view.setInt32(22, -height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let index = 0; index < 256; index++) {
    const [red, green, blue] = index === 0 ? UNSEEN : between((index - 1) / 254);
    bytes.set([blue, green, red, 0], HEADERS + 4 * index);
  }
  for (const [row, keys] of shares.entries()) {
    for (const [column, share] of keys.entries()) {
      // By the root, so that small shares can be told from none.
      bytes[HEADERS + PALETTE + row * stride + column] = share === 0 ? 0 : 1 + Math.round(254 * Math.sqrt(share));
    }
  }
  return `data:image/bmp;base64,${base64(bytes)}`;
}

const between = (share: number) => NOTHING.map((from, part) => Math.round(from + share * (ALL[part]! - from)));

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
