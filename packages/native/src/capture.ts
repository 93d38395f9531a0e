/**
 * Records the kernels of a function and replays them with one call of the engine. The engine repeats exactly what it did;
 * this file knows which numbers came from JavaScript, and makes tensors of the results.
 */
import type { Program } from "@megatron-ts/ops";
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "./native-addon.ts";
import type { NativeData } from "./native-data.ts";
import { isProfiling } from "./profiling.ts";

/** What a recorder needs of its backend. */
interface Recorded {
  readonly engine: Engine;
  dataOf(dataId: object): NativeData;
  output(handle: number, shape: number[], dtype: tf.DataType): tf.TensorInfo;
  share(tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo;
}

/** A result of a program: the place of its memory among the engine's outputs, and what it is. */
interface Output {
  place: number;
  shape: number[];
  dtype: tf.DataType;
}

/** Records on one backend. */
export class Recorder {
  private recording = false;
  private constants = 0;
  /** Frees programs that were never disposed, when they are collected. */
  private readonly lost = new FinalizationRegistry<number>((number) => this.backend.engine.freeProgram(number));

  constructor(private readonly backend: Recorded) {}

  /** Refuses the recording in progress: these numbers may be others in the next run. Scalars are taken for constants. */
  sawNumbers(dtype: tf.DataType, count: number): void {
    if (!this.recording || this.constants > 0 || (dtype === "float32" && count === 1)) return;
    this.backend.engine.refuseRecording(`JavaScript makes a tensor of ${count} ${dtype} numbers`);
  }

  /** Refuses the recording in progress, if there is one. */
  refuse(reason: string): void {
    if (this.recording) this.backend.engine.refuseRecording(reason);
  }

  asConstant<T>(f: () => T): T {
    this.constants++;
    try {
      return f();
    } finally {
      this.constants--;
    }
  }

  capture(f: () => tf.Tensor[]): { outputs: tf.Tensor[]; program: Program | null; refusal: string | null } {
    // Within a recording, f becomes part of it.
    if (this.recording) return { outputs: f(), program: null, refusal: "another run is recorded" };
    if (isProfiling()) return { outputs: f(), program: null, refusal: "kernels are profiled" };
    const { engine } = this.backend;
    const outputs = this.record(f);
    const data = [...new Set(outputs.map(({ dataId }) => this.backend.dataOf(dataId)))];
    const recorded = engine.finishRecording(Uint32Array.from(data, ({ handle }) => handle));
    for (const [i, each] of data.entries()) each.handle = recorded.outputs[i]!;
    if (recorded.refusal !== undefined) return { outputs, program: null, refusal: recorded.refusal };
    const described = outputs.map(({ dataId, shape, dtype }) => ({
      place: data.indexOf(this.backend.dataOf(dataId)),
      shape,
      dtype,
    }));
    return { outputs, program: this.programOf(recorded.program, described), refusal: null };
  }

  private record(f: () => tf.Tensor[]): tf.Tensor[] {
    this.backend.engine.startRecording();
    this.recording = true;
    try {
      return f();
    } catch (error) {
      this.backend.engine.abandonRecording();
      throw error;
    } finally {
      this.recording = false;
    }
  }

  private programOf(number: number, outputs: Output[]): Program {
    const { backend, lost } = this;
    const program: Program = {
      replay() {
        if (isProfiling()) return null;
        const handles = backend.engine.replay(number);
        if (!handles) return null;
        const owners: tf.TensorInfo[] = [];
        const tensors = outputs.map(({ place, shape, dtype }) => {
          const first = owners[place];
          owners[place] ??= backend.output(handles[place]!, shape, dtype);
          return first ? backend.share(first, shape) : owners[place];
        });
        return tensors.map((tensor) => tf.engine().makeTensorFromTensorInfo(tensor));
      },
      dispose() {
        lost.unregister(program);
        backend.engine.freeProgram(number);
      },
    };
    lost.register(program, number, program);
    return program;
  }
}
