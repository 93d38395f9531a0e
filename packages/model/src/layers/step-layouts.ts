/**
 * The layouts of single tokens after a cache, as tensors that keep their place: a recorded decoding step reads from them what
 * each token sees. Does not know which layers share a layout.
 */
import { type BlockLists, type CacheFollower, createBlockLayout, longestList, padLists } from "@megatron-ts/attention";
import { type BlockLayout, blockSize, overwrite } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";

interface Kept {
  compile: () => BlockLists;
  layout: BlockLayout;
  room: number;
}

/** The layouts of the next token of each row of a cache. */
export interface StepLayouts extends CacheFollower {
  /** The layout of this kind, which `compile` lists for the rows' lengths of the moment. */
  of(kind: string, compile: () => BlockLists): BlockLayout;
}

/** Creates the layouts of a cache: none yet. */
export function createStepLayouts(): StepLayouts {
  const kinds = new Map<string, Kept>();

  /** Room for twice as many blocks as now, so that tensors rarely change their shapes. */
  function create(compile: () => BlockLists, lists: BlockLists): Kept {
    const blocks = Math.ceil(lists.keys / blockSize);
    const room = Math.min(blocks, 2 ** Math.ceil(Math.log2(Math.max(1, longestList(lists)))));
    const layout = createBlockLayout(padLists(lists, room));
    for (const tensor of [layout.offsets, layout.blocks, layout.masks]) tf.keep(tensor);
    return { compile, layout, room };
  }

  const drop = ({ layout }: Kept) => tf.dispose([layout.offsets, layout.blocks, layout.masks]);

  return {
    of(kind, compile) {
      const found = kinds.get(kind) ?? create(compile, compile());
      kinds.set(kind, found);
      return found.layout;
    },
    update() {
      for (const [kind, kept] of kinds) {
        const lists = kept.compile();
        if (longestList(lists) > kept.room) {
          drop(kept);
          kinds.set(kind, create(kept.compile, lists));
          continue;
        }
        const padded = padLists(lists, kept.room);
        overwrite(kept.layout.blocks, padded.blocks);
        overwrite(kept.layout.masks, padded.masks);
      }
    },
    dispose() {
      for (const kept of kinds.values()) drop(kept);
      kinds.clear();
    },
  };
}
