/** Cases that TensorFlow.js's own backends fail. Nothing in our libraries runs into them. */

/** By backend, then by `suite.name > case.name`: what the backend does wrong. A runner skips these. */
export const knownFaults: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cpu: {
    "tfjs: memory > what is read is a copy": "dataSync returns the backend's own memory",
  },
  wasm: {
    "tfjs: matMul > matMul of [3,0] and [0,5]": "a product over no elements is undefined",
    "tfjs: reductions > sum over nothing": "a sum over no elements is undefined",
    "tfjs: layout and indexing > cast of int32 to bool": "keeps the lowest byte instead of comparing with 0",
  },
  tensorflow: {
    "tfjs: memory > clones and reshapes share memory, which goes with the last of them":
      "every reshape is a TensorFlow tensor of its own, counted separately",
  },
};
