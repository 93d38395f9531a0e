/**
 * Decodes a stream of Zstandard frames (RFC 8878), with windows of up to 2 GB as `zstd --long=31` writes them. Libraries for
 * JavaScript end at 32 MB (fzstd) or 1 GB (libzstd in WebAssembly). Verifies checksums. Does not know dictionaries.
 */
import type { XXHash } from "xxhash-wasm";
import { type BlockState, decodeBlock, initialBlockState, LARGEST_BLOCK } from "./block.ts";

/** Decodes chunks of a stream. */
export interface ZstandardDecoder {
  /**
   * Yields the bytes that the chunk completes, at most 128 KB at a time.
   * @throws Error for damaged data, an unknown format, or a window that is too large
   */
  push(chunk: Uint8Array): Generator<Buffer>;
  /** Throws an Error where the stream ends inside a frame. */
  end(): void;
  /** Another decoder, for another stream. */
  fresh(): ZstandardDecoder;
}

const LARGEST_WINDOW = 2 ** 31;
/**
 * A window takes this much memory at most unless the input is large too: more than a thousandth of it. So a small file that
 * expands to gigabytes cannot claim a window of gigabytes.
 */
const UNPROVEN_WINDOW = 1 << 28;
const PROVEN_RATIO = 1000;
const SMALLEST_BUFFER = 1 << 20;
/** Enough for a small file. */
const FIRST_BUFFER = LARGEST_BLOCK;

const MAGIC = 0xfd2fb528;

interface Frame {
  windowSize: number;
  hasChecksum: boolean;
  contentSize: number | undefined;
  produced: number;
  state: BlockState;
  hash: XXHash<bigint> | undefined;
}

// Imported when it is needed, because it makes its WebAssembly on import. One instance serves all streams.
const loadChecksum = async () => (await import("xxhash-wasm")).default();

let checksum: ReturnType<typeof loadChecksum> | undefined;

/** Loads the checksum function, and starts before the first frame. */
export async function createZstandardDecoder(): Promise<ZstandardDecoder> {
  checksum ??= loadChecksum();
  return createDecoder((await checksum).create64);
}

function createDecoder(create64: () => XXHash<bigint>): ZstandardDecoder {
  let pending = new Uint8Array(0);
  let consumed = 0;
  let skip = 0;
  let frame: Frame | undefined;
  let checksumExpected = false;
  let window = new Uint8Array(0);
  /** Bytes of the frame that `window` has, ending at `position`. */
  let history = 0;
  let position = 0;

  const makeRoom = ({ windowSize }: Frame) => {
    if (window.length === 0) window = new Uint8Array(FIRST_BUFFER);
    if (position + LARGEST_BLOCK <= window.length) return;
    const limit = Math.min(windowSize, Math.max(UNPROVEN_WINDOW, PROVEN_RATIO * consumed));
    const kept = Math.min(history, limit);
    const withRoom = (bytes: number) => bytes + Math.max(Math.floor(bytes / 8), SMALLEST_BUFFER);
    const wanted = withRoom(kept);
    const target = wanted > window.length ? new Uint8Array(Math.min(2 * wanted, withRoom(limit))) : window;
    if (target === window) window.copyWithin(0, position - kept, position);
    else target.set(window.subarray(position - kept, position));
    window = target;
    history = kept;
    position = kept;
  };

  function* push(chunk: Uint8Array): Generator<Buffer> {
    const input = joined(pending, chunk);
    const view = new DataView(input.bytes.buffer, input.bytes.byteOffset, input.bytes.byteLength);
    let at = 0;
    for (;;) {
      const available = input.length - at;
      if (skip > 0) {
        const skipped = Math.min(skip, available);
        skip -= skipped;
        at += skipped;
        if (skip > 0) break;
        continue;
      }
      if (checksumExpected) {
        if (available < 4) break;
        const digest = Number((frame?.hash?.digest() ?? 0n) & 0xffffffffn);
        if (digest !== view.getUint32(at, true)) throw new Error("its checksum differs");
        at += 4;
        checksumExpected = false;
        frame = undefined;
        continue;
      }
      if (!frame) {
        const header = readFrameHeader(input.bytes, view, { start: at, length: available });
        if (!header) break;
        at += header.bytes;
        skip = header.skip;
        if (!header.frame) continue;
        frame = { ...header.frame, produced: 0, state: initialBlockState(), hash: undefined };
        if (frame.hasChecksum) frame.hash = create64();
        history = 0;
        continue;
      }
      if (available < 3) break;
      const header = input.bytes[at]! | (input.bytes[at + 1]! << 8) | (input.bytes[at + 2]! << 16);
      const type = (header >> 1) & 3;
      const size = header >> 3;
      const storedSize = type === 1 ? 1 : size;
      if (type === 3 || size > LARGEST_BLOCK) throw new Error("an invalid block");
      if (available < 3 + storedSize) break;
      makeRoom(frame);
      const start = at + 3;
      at = start + storedSize;
      consumed += 3 + storedSize;
      let end: number;
      if (type === 2) {
        const source = { bytes: input.bytes, view, start, end: at };
        const target = {
          bytes: window,
          position,
          history,
          isComplete: history >= Math.min(frame.produced, frame.windowSize),
        };
        end = decodeBlock(source, target, frame.state);
      } else {
        end = position + size;
        if (type === 0) window.set(input.bytes.subarray(start, at), position);
        else window.fill(input.bytes[start]!, position, end);
      }
      const produced = Buffer.from(window.subarray(position, end));
      history += produced.length;
      position = end;
      frame.produced += produced.length;
      frame.hash?.update(produced);
      if (produced.length > 0) yield produced;
      if ((header & 1) === 0) continue;
      if (frame.contentSize !== undefined && frame.contentSize !== frame.produced)
        throw new Error(`it has ${frame.produced} bytes, expected ${frame.contentSize}`);
      checksumExpected = frame.hasChecksum;
      if (!checksumExpected) frame = undefined;
    }
    pending = input.bytes.slice(at, input.length);
  }

  return {
    push,
    end() {
      if (frame || pending.length > 0 || skip > 0) throw new Error("it ends early");
    },
    fresh: () => createDecoder(create64),
  };
}

/** Both arrays in one, with eight bytes more than its length, which block decoders may read. */
function joined(first: Uint8Array, second: Uint8Array): { bytes: Uint8Array; length: number } {
  const length = first.length + second.length;
  const bytes = new Uint8Array(length + 8);
  bytes.set(first);
  bytes.set(second, first.length);
  return { bytes, length };
}

/** Undefined where the input is too short for it. */
function readFrameHeader(
  bytes: Uint8Array,
  view: DataView,
  { start, length }: { start: number; length: number },
): { bytes: number; skip: number; frame?: Pick<Frame, "windowSize" | "hasChecksum" | "contentSize"> } | undefined {
  if (length < 4) return undefined;
  const magic = view.getUint32(start, true);
  if (magic >>> 4 === 0x184d2a5) return length < 8 ? undefined : { bytes: 8, skip: view.getUint32(start + 4, true) };
  if (magic !== MAGIC) throw new Error("it does not start with a Zstandard frame");
  if (length < 5) return undefined;
  const descriptor = bytes[start + 4]!;
  const singleSegment = (descriptor >> 5) & 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [singleSegment, 2, 4, 8][descriptor >> 6]!;
  const header = 5 + (1 - singleSegment) + dictionaryBytes + sizeBytes;
  if (length < header) return undefined;
  if ((descriptor & 8) !== 0) throw new Error("an unknown format");
  let at = start + 5;
  let windowSize = 0;
  if (!singleSegment) {
    const base = 2 ** (10 + (bytes[at]! >> 3));
    windowSize = base + (base / 8) * (bytes[at++]! & 7);
  }
  for (let i = 0; i < dictionaryBytes; i++) if (bytes[at++] !== 0) throw new Error("it needs a dictionary");
  let contentSize: number | undefined;
  if (sizeBytes === 1) contentSize = bytes[at];
  else if (sizeBytes === 2) contentSize = view.getUint16(at, true) + 256;
  else if (sizeBytes === 4) contentSize = view.getUint32(at, true);
  else if (sizeBytes === 8) contentSize = Number(view.getBigUint64(at, true));
  if (singleSegment) windowSize = contentSize!;
  if (windowSize > LARGEST_WINDOW)
    throw new Error(`its window is larger than ${LARGEST_WINDOW / 2 ** 30} GB, the most that is supported`);
  return {
    bytes: header,
    skip: 0,
    frame: { windowSize, hasChecksum: ((descriptor >> 2) & 1) === 1, contentSize },
  };
}
