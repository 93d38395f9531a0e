/**
 * Cuts long documents into pieces whose concatenated ids are those of the whole, so that a document of any size is encoded in
 * bounded memory. Cuts are next to white space, so that words can be counted piece by piece too.
 */
import { DataError } from "../errors.ts";
import type { DocumentPart } from "../text/document.ts";
import { CUT_CONTEXT, type FindCut } from "./cuts.ts";

/** A document, or a part of one that can be encoded separately. */
export interface Piece {
  text: string;
  /** Whether it ends its document. */
  last: boolean;
  /** Language of the document, where it was identified. */
  language?: string;
}

const LONGEST_PIECE = 1 << 27;

/**
 * @param options.findCut finds a position where a text can be cut
 * @param options.pieceLength approximate maximum of characters in a piece
 * @throws DataError for a document of more than 128 million characters that cannot be cut without changing its ids
 */
export async function* cutIntoPieces(
  parts: AsyncIterable<DocumentPart>,
  options: { findCut: FindCut; pieceLength: number },
): AsyncGenerator<Piece> {
  const { findCut, pieceLength } = options;
  let held = "";
  let retryAt = 0;
  for await (const { text, last, source, line, language } of parts) {
    held += text;
    while (held.length > Math.max(pieceLength, retryAt) + CUT_CONTEXT) {
      const cut = findCut(held, Math.max(pieceLength, retryAt));
      if (cut === undefined) {
        retryAt = 2 * held.length;
        if (held.length > LONGEST_PIECE)
          throw new DataError(
            `a document of more than ${LONGEST_PIECE >> 20} million characters cannot be cut without changing ` +
              "its tokens: split it into lines or paragraphs",
            { source, line },
          );
        break;
      }
      yield { text: held.slice(0, cut), last: false, language };
      held = held.slice(cut);
      retryAt = 0;
    }
    if (!last) continue;
    yield { text: held, last: true, language };
    held = "";
    retryAt = 0;
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
