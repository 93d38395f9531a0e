/** Rows of a table by token id, and the gradient of the table. */
import { ANY, type Kernels, type Run, taking } from "../kernel.ts";

const embedding: Run = ({ inputs: { ids, table }, backend }) => {
  const width = table!.shape[1]!;
  const handle = backend.engine.embedding(backend.handleOf(ids!), backend.handleOf(table!), width);
  return backend.output(handle, [...ids!.shape, width]);
};

const embeddingGradient: Run = ({ inputs: { ids, dy }, attrs: { vocabularySize }, backend }) => {
  const width = dy!.shape[dy!.shape.length - 1]!;
  const [tokens, upstream] = [backend.handleOf(ids!), backend.handleOf(dy!)];
  const handle = backend.engine.embeddingGradient(tokens, upstream, vocabularySize, width);
  return backend.output(handle, [vocabularySize, width]);
};

export const embeddingKernels: Kernels = taking(ANY, {
  MegatronEmbedding: embedding,
  MegatronEmbeddingGradient: embeddingGradient,
});
