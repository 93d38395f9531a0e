/**
 * Cuts long documents into pieces whose ids, one after the other, are the ids of the whole: so that a document of any
 * size is encoded in bounded memory. Cuts are beside whitespace, so that words are counted right piece by piece too.
 */
import { DataError } from "../errors.ts";
import type { DocumentPart } from "../text/document.ts";
import { CUT_CONTEXT, type FindCut } from "./cuts.ts";

/** A document, or a part of one that can be encoded by itself. */
export interface Piece {
  text: string;
  /** Whether it ends its document. */
  last: boolean;
  /** Language of the document, where it was identified. */
  language?: string;
}

const LONGEST_PIECE = 1 << 27;

/**
 * @param options.findCut says where a text may be cut.
 * @param options.pieceLength about how many characters a piece has at most.
 * @throws DataError for a document of more than 128 million characters in which no cut leaves the ids as they are.
 */
export async function* cutIntoPieces(
  parts: AsyncIterable<DocumentPart>,
  options: { findCut: FindCut; pieceLength: number },
): AsyncGenerator<Piece> {
  const { findCut, pieceLength } = options;
  let held = "";
  let tryAgainAt = 0;
  for await (const { text, last, source, line, language } of parts) {
    held += text;
    while (held.length > Math.max(pieceLength, tryAgainAt) + CUT_CONTEXT) {
      const cut = findCut(held, Math.max(pieceLength, tryAgainAt));
      if (cut === undefined) {
        tryAgainAt = 2 * held.length;
        if (held.length > LONGEST_PIECE)
          throw new DataError(
            `a document of more than ${LONGEST_PIECE >> 20} million characters has no place to cut it without changing ` +
              "its tokens: split it into lines or paragraphs",
            { source, line },
          );
        break;
      }
      yield { text: held.slice(0, cut), last: false, language };
      held = held.slice(cut);
      tryAgainAt = 0;
    }
    if (!last) continue;
    yield { text: held, last: true, language };
    held = "";
    tryAgainAt = 0;
  }
}

const PIECES_IN_TASK = 4096;

/** Gathers pieces into tasks of about `length` characters, each enough work to be worth sending to a worker. */
export async function* inTasks(pieces: AsyncIterable<Piece>, length: number): AsyncGenerator<Piece[]> {
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
