/** Cases of messages: gathers, broadcasts, point to point, barriers and groups along the axes of a mesh. */
import * as tf from "@tensorflow/tfjs";
import {
  type CommunicatorCase,
  expectEqual,
  expectSame,
  linger,
  nearestBfloat16,
  sumInOrder,
  tensorOf,
  valuesOf,
} from "./case.ts";

const narrow = (values: Float32Array) => values.map(nearestBfloat16);

export const messageCases: readonly CommunicatorCase[] = [
  {
    name: "allGather joins the ranks' tensors in order, along any dimension, also integers and empty ones",
    check({ world }) {
      const { size, rank } = world;
      for (const shape of [
        [3, 2, 5],
        [1, 7, 1],
        [0, 2, 3],
      ]) {
        for (const dimension of [0, 1, 2]) {
          const x = tensorOf(rank, shape);
          const found = world.allGather(x, dimension);
          const expected = tf.concat(
            Array.from({ length: size }, (_, other) => tensorOf(other, shape)),
            dimension,
          );
          expectEqual(found.shape, expected.shape, "shape");
          expectSame(found.dataSync(), expected.dataSync(), `[${shape}] along ${dimension}`);
          tf.dispose([x, found]);
        }
      }
      const ids = world.allGather(tf.tensor1d([rank, -5], "int32"), 0);
      expectEqual(ids.dtype, "int32", "type");
      expectSame(ids.dataSync(), Array.from({ length: size }, (_, other) => [other, -5]).flat(), "integers");
    },
  },
  {
    name: "broadcast sends the tensor of any root",
    check({ world }) {
      for (let root = 0; root < world.size; root++) {
        const found = world.broadcast(tensorOf(world.rank, [3, 5]), root);
        expectSame(found.dataSync(), valuesOf(root, 15), `values of rank ${root}`);
        const ids = world.broadcast(tf.tensor1d([world.rank], "int32"), root);
        expectSame(ids.dataSync(), [root], "integers");
      }
    },
  },
  {
    name: "bf16: gathered, broadcast and sent tensors are rounded",
    check({ world }) {
      const { size, rank } = world;
      if (size === 1) return;
      const wire = "bf16";
      const gathered = world.allGather(tensorOf(rank, [7]), 0, { wire });
      const all = Array.from({ length: size }, (_, other) => [...narrow(valuesOf(other, 7))]).flat();
      expectSame(gathered.dataSync(), all, "gathered");
      const shared = world.broadcast(tensorOf(rank, [7]), 1, { wire });
      expectSame(shared.dataSync(), narrow(valuesOf(1, 7)), "broadcast");
      world.send(tensorOf(rank, [7]), (rank + 1) % size, { wire });
      const previous = (rank + size - 1) % size;
      expectSame(world.receive([7], previous, { wire }).dataSync(), narrow(valuesOf(previous, 7)), "sent");
    },
  },
  {
    name: "tensors arrive in the order they were sent in, of any size, before anyone receives",
    check({ world }) {
      const { size, rank } = world;
      const others = Array.from({ length: size }, (_, other) => other).filter((other) => other !== rank);
      const sizes = [5, 0, 1, 3001, 2, 70_000, 1];
      for (const [index, count] of sizes.entries()) {
        for (const other of others) world.send(tf.tensor1d(valuesOf(rank + index, count)), other);
      }
      for (const other of [...others].reverse()) {
        for (const [index, count] of sizes.entries()) {
          const found = world.receive([count], other).dataSync();
          expectSame(found, valuesOf(other + index, count), `message ${index} of rank ${other}`);
        }
      }
    },
  },
  {
    name: "messages and collectives do not overtake each other",
    check({ world }) {
      const { size, rank } = world;
      if (size === 1) return;
      world.send(tf.tensor1d([rank, 1], "int32"), (rank + 1) % size);
      const total = Float64Array.of(rank);
      world.reduce(total);
      expectEqual(total[0], (size * (size - 1)) / 2, "sum");
      const previous = (rank + size - 1) % size;
      const found = world.receive([2], previous, { dtype: "int32" });
      expectSame(found.dataSync(), [previous, 1], "message");
    },
  },
  {
    name: "barrier returns when every rank has come",
    check({ world }) {
      const now = () => performance.timeOrigin + performance.now();
      linger(10 * world.rank);
      const came = now();
      world.barrier();
      const left = now();
      const latest = Math.max(...world.gatherText(String(came)).map(Number));
      // The clocks of threads and processes start up to a millisecond apart.
      if (left < latest - 2) throw new Error(`left ${latest - left} ms before the last rank came`);
    },
  },
  {
    name: "gatherText gathers texts of different lengths",
    check({ world }) {
      const texts = Array.from({ length: world.size }, (_, rank) => "é".repeat(rank) + (rank === 1 ? "" : "x"));
      expectEqual(world.gatherText(texts[world.rank]!), texts, "texts");
    },
  },
  {
    name: "each axis of a mesh has a communicator of its own",
    check({ world, mesh: layOut }) {
      const { size, rank } = world;
      for (const tensor of [1, 2, size].filter((ranks) => size % ranks === 0)) {
        const rest = size / tensor;
        for (const data of [1, 2, rest].filter((ranks) => rest % ranks === 0)) {
          const sizes = { tensor, data, pipeline: rest / data };
          const mesh = layOut(sizes);
          const place = [rank % tensor, Math.floor(rank / tensor) % data, Math.floor(rank / tensor / data)];
          expectEqual([mesh.tensor.rank, mesh.data.rank, mesh.pipeline.rank], place, "place");
          for (const [axis, stride] of [
            ["tensor", 1],
            ["data", tensor],
            ["pipeline", tensor * data],
          ] as const) {
            const first = rank - mesh[axis].rank * stride;
            const members = Array.from({ length: sizes[axis] }, (_, other) => first + other * stride);
            const values = valuesOf(rank, 9);
            mesh[axis].reduce(values);
            expectSame(values, sumInOrder(members.map((other) => valuesOf(other, 9))), `sum along ${axis}`);
          }
        }
      }
    },
  },
];
