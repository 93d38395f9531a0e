/** The tensors of a Hugging Face model, each assembled from the weights of ours that it contains, in their element type. */
import type { ForeignWeight, SharedTensor } from "@megatron-ts/model";
import { bytesOf, type FloatDtype, floatDtype, type StoredFloats, storedFloats, widen } from "../stored-floats.ts";
import { elementCount, type TensorEntry } from "../tensor-entry.ts";
import type { TensorReader } from "../tensor-reader.ts";

/** One of our weights, and where it is in a foreign tensor. */
interface Piece {
  ours: string;
  weight: ForeignWeight;
  shape: readonly number[];
  dtype: FloatDtype;
}

/** Describes the tensors to write. `names` says where each of our weights goes. */
export function foreignEntries(weights: TensorReader, names: ReadonlyMap<string, ForeignWeight>): TensorEntry[] {
  const parts = new Map<string, Piece[]>();
  for (const [ours, weight] of names) {
    const { shape, dtype } = weights.info(ours);
    const piece = { ours, weight, shape, dtype: floatDtype(dtype, ours) };
    parts.set(weight.name, [...(parts.get(weight.name) ?? []), piece]);
  }
  return [...parts].map(([name, pieces]) => {
    const [{ weight, dtype: first }] = pieces as [Piece];
    const dtype = pieces.every((piece) => piece.dtype === first) ? first : "F32";
    const read = ({ ours, dtype: stored }: Piece) => {
      const floats = storedFloats(weights.read(ours), { dtype: stored, name: ours });
      return dtype === "F32" ? widen(floats) : floats.values;
    };
    return weight.rows ? stackedRows(name, { pieces, dtype, read }) : joinedColumns(name, { pieces, dtype, read });
  });
}

/** The tensors, and again those that files need under a second name. */
export function withCopies(entries: TensorEntry[], shared: readonly SharedTensor[]): TensorEntry[] {
  const copies = shared.flatMap(({ name, of, written }) =>
    entries.filter((entry) => written && entry.name === of).map((entry) => ({ ...entry, name })),
  );
  return [...entries, ...copies];
}

interface Parts {
  pieces: readonly Piece[];
  dtype: FloatDtype;
  /** The values of a piece in `dtype`. */
  read: (piece: Piece) => StoredFloats["values"];
}

const allocate = (dtype: FloatDtype, length: number): StoredFloats["values"] =>
  new (dtype === "F32" ? Float32Array : Uint16Array)(length);

/** A tensor that is made of ours, one below the other. */
function stackedRows(name: string, { pieces, dtype, read }: Parts): TensorEntry {
  const [{ weight, shape }] = pieces as [Piece];
  const width = elementCount(shape.slice(1));
  const rows = weight.rows!.of;
  return {
    name,
    dtype,
    shape: [rows, ...shape.slice(1)],
    bytes: () => {
      const values = allocate(dtype, rows * width);
      for (const piece of pieces) values.set(read(piece), piece.weight.rows!.first * width);
      return bytesOf(values);
    },
  };
}

/** A tensor that is one of ours, or several side by side, transposed where the format has it so. */
function joinedColumns(name: string, { pieces, dtype, read }: Parts): TensorEntry {
  const [{ weight, shape }] = pieces as [Piece];
  const turned = weight.transposed ? shape.toReversed() : [...shape];
  const columns = turned.at(-1) ?? 1;
  const rows = elementCount(turned) / columns;
  const count = weight.part?.count ?? 1;
  const whole = [...turned.slice(0, -1), columns * count];
  return {
    name,
    dtype,
    shape: weight.shape ?? (turned.length === 0 ? [] : whole),
    bytes: () => {
      const values = allocate(dtype, rows * columns * count);
      for (const piece of pieces) {
        const own = read(piece);
        const start = (piece.weight.part?.index ?? 0) * columns;
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const from = weight.transposed ? column * rows + row : row * columns + column;
            values[row * columns * count + start + column] = own[from]!;
          }
        }
      }
      return bytesOf(values);
    },
  };
}
