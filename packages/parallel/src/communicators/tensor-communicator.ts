/** The collectives of a group of ranks on tensors, built on its messages. */
import * as tf from "@tensorflow/tfjs";
import type { Communicator } from "../communicator.ts";
import { ParallelError } from "../errors.ts";
import { createGroup } from "./group.ts";
import { gatherText, meet, messageOf } from "./meetings.ts";
import { gatherSlices, reduceAll, reduceSlice, type Wire } from "./reduce.ts";
import { decode, encode, narrow, wireOf } from "./tensor-message.ts";
import type { Transport } from "./transport.ts";

/** Creates the communicator of some ranks of a run, in this order; this rank is among them. */
export function createCommunicator(transport: Transport, members: readonly number[]): Communicator {
  const group = createGroup(transport, members);
  const { size, rank } = group;
  return {
    size,
    rank,
    reduce: (values, options) => reduceAll(group, values, options),
    allReduce(tensor, options = {}) {
      const wire = wireOf(tensor, options.wire);
      const values = tensor.dataSync().slice() as Float32Array;
      reduceAll(group, values, { ...options, wire });
      return floats(values, { shape: tensor.shape, wire });
    },
    allGather(tensor, dimension, options = {}) {
      const wire = wireOf(tensor, options.wire);
      const message = encode(tensor, wire);
      const received = group.ranks(() => messageOf(message.byteLength));
      group.exchange({ send: group.ranks(() => message), receive: received }, options);
      return tf.tidy(() =>
        tf.concat(
          received.map((bytes) => decode(bytes, { like: tensor, wire })),
          dimension,
        ),
      );
    },
    reduceScatter(tensor, dimension, options = {}) {
      checkDivides(tensor, { dimension, size });
      const wire = wireOf(tensor, options.wire);
      const shape = tensor.shape.map((length, i) => (i === dimension ? length / size : length));
      const parts = tf.tidy(() => tf.concat(tf.split(tensor, size, dimension).map((part) => tf.reshape(part, [-1]))));
      // Read outside the tidy, which would search the returned numbers for tensors.
      const values = parts.dataSync().slice() as Float32Array;
      parts.dispose();
      const starts = Array.from({ length: size + 1 }, (_, part) => (part * values.length) / size);
      return floats(reduceSlice(group, values, { ...options, wire, starts }), { shape, wire });
    },
    reduceSlices: (values, starts) => reduceSlice(group, values, { starts }),
    gatherSlices: (values, starts, options) => gatherSlices(group, values, { ...options, starts }),
    broadcast(tensor, root, options = {}) {
      const wire = wireOf(tensor, options.wire);
      const message = encode(tensor, wire);
      const receive = group.ranks((from) => (from === root ? messageOf(message.byteLength) : null));
      group.exchange({ send: group.ranks(() => (rank === root ? message : null)), receive }, options);
      return decode(receive[root]!, { like: tensor, wire });
    },
    send: (tensor, to, options = {}) => group.post(encode(tensor, wireOf(tensor, options.wire)), to),
    receive(shape, from, { wire = "f32", dtype = "float32" } = {}) {
      const count = shape.reduce((product, length) => product * length, 1);
      const bytes = messageOf(count * (wire === "bf16" ? 2 : 4));
      group.take(bytes, from);
      return decode(bytes, { like: { shape: [...shape], dtype }, wire });
    },
    barrier: (options) => meet(group, options?.patience),
    gatherText: (text, options) => gatherText(group, text, options?.patience),
  };
}

/** A float32 tensor, stored as it travelled. */
function floats(values: Float32Array, { shape, wire }: { shape: readonly number[]; wire: Wire }): tf.Tensor {
  const tensor = tf.tensor(values, [...shape], "float32");
  return wire === "bf16" ? narrow(tensor) : tensor;
}

function checkDivides({ shape }: tf.Tensor, { dimension, size }: { dimension: number; size: number }): void {
  if (shape[dimension]! % size === 0) return;
  throw new ParallelError(
    `expected a multiple of ${size} ranks in dimension ${dimension} of [${shape}]; got ${shape[dimension]}`,
  );
}
