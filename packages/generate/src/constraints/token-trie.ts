/** The tokens of a vocabulary by their bytes, so that those with the same beginning are tried together. */
import { createTokenBytes, type Tokenizer } from "@megatron-ts/tokenizer";

/** A node: the tokens that end here, and what follows by byte. */
export interface TrieNode {
  tokens: number[];
  next: Map<number, TrieNode>;
}

const createNode = (): TrieNode => ({ tokens: [], next: new Map() });

/** Builds the trie. Special tokens, which stand for no text, are left out. */
export function createTokenTrie(tokenizer: Tokenizer): { root: TrieNode; bytesOf: (id: number) => Uint8Array } {
  const bytesOf = createTokenBytes(tokenizer);
  const special = new Set(tokenizer.specialTokens.values());
  const root = createNode();
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    const bytes = special.has(id) ? new Uint8Array() : bytesOf(id);
    if (bytes.length === 0) continue;
    let node = root;
    for (const byte of bytes) {
      let after = node.next.get(byte);
      if (!after) {
        after = createNode();
        node.next.set(byte, after);
      }
      node = after;
    }
    node.tokens.push(id);
  }
  return { root, bytesOf };
}
