import { describe, expect, it } from "vitest";
import { createPageAllocator } from "./page-allocator.ts";

const tokens = [1, 2, 3, 4, 5, 6, 7];

describe("createPageAllocator", () => {
  it("shares full pages by all tokens up to their end, but never the last token", () => {
    const allocator = createPageAllocator({ numPages: 8, pageSize: 2 });
    const first = allocator.allocate(tokens, { capacity: 8, reuse: true })!;
    expect(first).toEqual({ pages: [0, 1, 2, 3], reused: 0 });
    expect(allocator.allocate(tokens, { capacity: 8, reuse: true })!.reused).toBe(0);
    allocator.share(first, tokens, { written: 5 });
    expect(allocator.free).toBe(0);
    allocator.release(first);
    expect(allocator.allocate([1, 2, 3, 4], { capacity: 4, reuse: true })).toEqual({ pages: [0, 3], reused: 2 });
    expect(allocator.allocate([9, 2, 3, 4, 5], { capacity: 2, reuse: true })!.reused).toBe(0);
  });

  it("takes pages only if all are there, and forgets what it gives to others", () => {
    const allocator = createPageAllocator({ numPages: 4, pageSize: 2 });
    const list = allocator.allocate(tokens, { capacity: 6, reuse: true })!;
    allocator.share(list, tokens, { written: 6 });
    expect(allocator.allocate([9], { capacity: 4, reuse: true })).toBeNull();
    allocator.release(list);
    expect(allocator.free).toBe(4);
    // The page that was never used, then the last of the sequence.
    expect(allocator.allocate([9], { capacity: 4, reuse: true })).toEqual({ pages: [3, 2], reused: 0 });
    const again = allocator.allocate(tokens, { capacity: 4, reuse: true })!;
    expect(again).toEqual({ pages: [0, 1], reused: 4 });
    expect(allocator.allocate(tokens, { capacity: 6, reuse: true })).toBeNull();
    expect(allocator.free).toBe(0);
  });

  it("reuses nothing if asked, and finds what it wrote again under the beginning that is known", () => {
    const allocator = createPageAllocator({ numPages: 8, pageSize: 2 });
    const first = allocator.allocate(tokens, { capacity: 4, reuse: true })!;
    allocator.share(first, tokens, { written: 4 });
    const second = allocator.allocate(tokens, { capacity: 6, reuse: false })!;
    expect(second.reused).toBe(0);
    allocator.share(second, tokens, { written: 6 });
    expect(allocator.allocate(tokens, { capacity: 8, reuse: true })!.pages.slice(0, 3)).toEqual([
      ...first.pages,
      second.pages[2],
    ]);
  });
});
