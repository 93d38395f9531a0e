/**
 * Cuts long documents into pieces whose concatenated ids are those of the whole, so that a document of any size is encoded in
 * bounded memory. Cuts are next to white space, so that words can be counted piece by piece too.
 */
import { DataError } from "../errors.ts";
import type { DocumentPart, DocumentPosition } from "../text/document.ts";
import { CUT_CONTEXT, type FindCut } from "./cuts.ts";
import type { ResumePoint } from "./resume-point.ts";

/** A document, or a part of one that can be encoded separately. */
export interface Piece {
  text: string;
  /** Whether it ends its document. */
  last: boolean;
  /** Language of the document, where it was identified. */
  language?: string;
  /** Of the last piece of a document: from where a later run can go on. */
  point?: ResumePoint;
}

const LONGEST_PIECE = 1 << 27;
/** A piece has at most this part of the text so far, so that splits can begin close to where they should. */
const PIECES_OF_TEXT = 512;
const SHORTEST_PIECE = 256;

/**
 * @param options.findCut finds a position where a text can be cut
 * @param options.pointAt the state after a document, which its last piece carries
 * @param options.pieceLength approximate maximum of characters in a piece; less at the beginning
 * @throws DataError for a document of more than 128 million characters that cannot be cut without changing its ids
 */
export async function* cutIntoPieces(
  parts: AsyncIterable<DocumentPart>,
  options: {
    findCut: FindCut;
    pieceLength: number;
    /** Characters of earlier documents. */
    characters?: number;
    pointAt?: (next: DocumentPosition, characters: number) => ResumePoint;
  },
): AsyncGenerator<Piece> {
  const { findCut } = options;
  let held = "";
  let done = options.characters ?? 0;
  let retryAt = 0;
  const give = (end: number, rest: { last: boolean; language?: string }): Piece => {
    const text = held.slice(0, end);
    held = held.slice(end);
    done += text.length;
    retryAt = 0;
    return { text, ...rest };
  };
  for await (const { text, last, source, line, language, next } of parts) {
    held += text;
    for (;;) {
      const pieceLength = Math.min(options.pieceLength, Math.max(SHORTEST_PIECE, Math.floor(done / PIECES_OF_TEXT)));
      const near = Math.max(pieceLength, retryAt);
      if (held.length <= near + CUT_CONTEXT) break;
      const cut = findCut(held, near);
      if (cut !== undefined) yield give(cut, { last: false, language });
      else if (near < LONGEST_PIECE) retryAt = 2 * near;
      else
        throw new DataError(
          `a document of more than ${LONGEST_PIECE >> 20} million characters cannot be cut without changing ` +
            "its tokens: split it into lines or paragraphs",
          { source, line },
        );
    }
    if (!last) continue;
    const piece = give(held.length, { last: true, language });
    yield next && options.pointAt ? { ...piece, point: options.pointAt(next, done) } : piece;
  }
}

const PIECES_IN_TASK = 4096;

/** Groups pieces into tasks of about `length` characters, enough work to be worth sending to a worker. */
export async function* groupIntoTasks(pieces: AsyncIterable<Piece>, length: number): AsyncGenerator<Piece[]> {
  let task: Piece[] = [];
  let characters = 0;
  for await (const piece of pieces) {
    task.push(piece);
    characters += piece.text.length;
    if (characters < length && task.length < PIECES_IN_TASK) continue;
    yield task;
    task = [];
    characters = 0;
  }
  if (task.length > 0) yield task;
}
