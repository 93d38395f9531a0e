/**
 * Decides which pages of a pool belong to which sequence. Full pages stay after their sequence has ended, and are found
 * again by all tokens up to their end, so that sequences with the same beginning share them (prefix reuse, as in vLLM and
 * SGLang). It does not know what is in the pages.
 */

/** Pages of a sequence. */
export interface PageList {
  /** In the order of the tokens. */
  readonly pages: number[];
  /** How many of the first tokens were in the pages when they were allocated. */
  readonly reused: number;
}

/** Assigns pages. */
export interface PageAllocator {
  /** Pages that no sequence uses. */
  readonly free: number;
  /**
   * Pages for `capacity` tokens, of which these are the first; null if too few are free. At least the last of the tokens
   * is not reused; none is unless `reuse` says so, and only pages of the same owner, such as a model. Default: owner 0.
   */
  allocate(tokens: ArrayLike<number>, options: { capacity: number; reuse: boolean; owner?: number }): PageList | null;
  /** Lets others of the same owner reuse the full pages among those of the first `written` tokens. */
  share(list: PageList, tokens: ArrayLike<number>, options: { written: number; owner?: number }): void;
  /** Gives the pages back. */
  release(list: PageList): void;
}

interface Page {
  users: number;
  /** How the page is found: the number of the page before it, and its own tokens; null for one that cannot be reused. */
  key: string | null;
  /** A number that no other content had before. */
  serial: number;
}

/** Creates an allocator of pages 0 to numPages - 1. */
export function createPageAllocator({ numPages, pageSize }: { numPages: number; pageSize: number }): PageAllocator {
  const pages = Array.from({ length: numPages }, (): Page => ({ users: 0, key: null, serial: 0 }));
  const byKey = new Map<string, number>();
  /** Those that no sequence uses, in the order in which they are taken. */
  const unused = new Set(pages.keys());
  let serials = 0;

  const keyOf = (tokens: ArrayLike<number>, page: number, before: number) =>
    `${before}:${Array.prototype.slice.call(tokens, page * pageSize, (page + 1) * pageSize).join()}`;

  /** The predecessor of an owner's first page: a number of its own, which is no page's. */
  const start = (owner: number) => -owner;

  /** The pages that hold the first of these tokens. */
  function findShared(tokens: ArrayLike<number>, owner: number): number[] {
    const found: number[] = [];
    let before = start(owner);
    while ((found.length + 1) * pageSize < tokens.length) {
      const index = byKey.get(keyOf(tokens, found.length, before));
      if (index === undefined) break;
      found.push(index);
      before = pages[index]!.serial;
    }
    return found;
  }

  function take(index: number) {
    unused.delete(index);
    const page = pages[index]!;
    page.users = 1;
    if (page.key !== null) byKey.delete(page.key);
    page.key = null;
  }

  return {
    get free() {
      return unused.size;
    },
    allocate(tokens, { capacity, reuse, owner = 0 }) {
      const shared = reuse ? findShared(tokens, owner) : [];
      const missing = Math.ceil(capacity / pageSize) - shared.length;
      const idle = shared.filter((index) => pages[index]!.users === 0).length;
      if (unused.size - idle < missing) return null;
      for (const index of shared) {
        pages[index]!.users++;
        unused.delete(index);
      }
      const taken = [...unused].slice(0, missing);
      for (const index of taken) take(index);
      return { pages: [...shared, ...taken], reused: shared.length * pageSize };
    },
    share({ pages: own }, tokens, { written, owner = 0 }) {
      let before = start(owner);
      for (let i = 0; (i + 1) * pageSize <= written; i++) {
        const key = keyOf(tokens, i, before);
        const known = byKey.get(key);
        const page = pages[known ?? own[i]!]!;
        if (known === undefined) {
          if (page.key !== null) byKey.delete(page.key);
          page.key = key;
          page.serial = ++serials;
          byKey.set(key, own[i]!);
        }
        // Where another page has the same content, what follows is found through that one.
        before = page.serial;
      }
    },
    release({ pages: own }) {
      // The last pages are taken first: more sequences share a beginning.
      for (const index of [...own].reverse()) {
        const page = pages[index]!;
        page.users--;
        if (page.users === 0) unused.add(index);
      }
    },
  };
}
