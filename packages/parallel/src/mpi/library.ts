/**
 * Finds an MPI library at run time and binds what we call. Libraries differ in their handles: those of Open MPI are addresses
 * of exported objects, those of MPICH and its relatives (Intel MPI, Cray MPICH, MVAPICH) fixed integers.
 */
import type { KoffiFunc, LibraryHandle } from "koffi";
import { ParallelError } from "../errors.ts";
import type { Launch } from "./launcher.ts";

/** The functions of an MPI library that we call, with the world's communicator and the type of bytes filled in. */
export interface MpiLibrary {
  /** The file that was loaded. */
  readonly file: string;
  init(): void;
  size(): number;
  rank(): number;
  /** Each returns the error code, 0 for success. `request` has 8 bytes, which must not move until `test` says that it is done. */
  isend(bytes: Uint8Array, place: MessagePlace, request: BigUint64Array): number;
  irecv(bytes: Uint8Array, place: MessagePlace, request: BigUint64Array): number;
  test(request: BigUint64Array, done: Int32Array): number;
  finalize(): void;
  abort(code: number): void;
}

/** The other rank, and a tag that tells messages of different kinds apart. */
export interface MessagePlace {
  other: number;
  tag: number;
}

const NAMES = {
  "open-mpi": ["libmpi.so.40", "libmpi.so.80", "libmpi.40.dylib", "libmpi.dylib"],
  mpich: ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12", "libmpich.so", "libmpi.12.dylib", "libmpich.dylib"],
};

const MPI_THREAD_FUNNELED = 1;

/**
 * Loads the MPI library of a launcher; MEGATRON_MPI_LIBRARY names another file.
 * @throws ParallelError without `koffi` or a library
 */
export async function loadMpi(launch: Launch, environment: NodeJS.ProcessEnv): Promise<MpiLibrary> {
  const koffi = await importKoffi();
  const named = environment.MEGATRON_MPI_LIBRARY;
  const likely = launch.library ? NAMES[launch.library] : [...NAMES["open-mpi"], ...NAMES.mpich];
  const names = named ? [named] : [...likely, "libmpi.so"];
  for (const file of names) {
    let library: LibraryHandle;
    try {
      // Plugins of the library look for its symbols globally.
      library = koffi.load(file, { global: true });
    } catch {
      continue;
    }
    return bind(library, file);
  }
  throw new ParallelError(
    `no MPI library found (tried ${names.join(", ")}): install Open MPI or MPICH, or set MEGATRON_MPI_LIBRARY to its file`,
  );
}

async function importKoffi() {
  try {
    return (await import("koffi")).default;
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw new ParallelError(`running under MPI needs the package koffi: npm install koffi (${reason})`);
  }
}

interface Handles {
  type: "uintptr_t" | "int";
  world: bigint | number;
  byte: bigint | number;
  errorsReturn: bigint | number;
}

/** The values of mpi.h, which are part of the ABI that MPICH and its relatives agreed on. */
const MPICH_HANDLES: Handles = {
  type: "int",
  world: 0x44000000,
  byte: 0x4c00010d,
  errorsReturn: 0x54000001,
};

function handlesOf(library: LibraryHandle): Handles {
  let world: bigint;
  try {
    world = library.symbol("ompi_mpi_comm_world");
  } catch {
    return MPICH_HANDLES;
  }
  const [byte, errorsReturn] = ["ompi_mpi_byte", "ompi_mpi_errors_return"].map(
    (name) => library.symbol(name) as bigint,
  );
  return { type: "uintptr_t", world, byte: byte!, errorsReturn: errorsReturn! };
}

function bind(library: LibraryHandle, file: string): MpiLibrary {
  const { type: handle, world, byte, errorsReturn } = handlesOf(library);
  const call = (name: string, ...types: string[]) =>
    library.func(name, "int", types) as KoffiFunc<(...values: unknown[]) => number>;
  const initThread = call("MPI_Init_thread", "void *", "void *", "int", "void *");
  const setErrorHandler = call("MPI_Comm_set_errhandler", handle, handle);
  const commSize = call("MPI_Comm_size", handle, "void *");
  const commRank = call("MPI_Comm_rank", handle, "void *");
  const isend = call("MPI_Isend", "void *", "int", handle, "int", "int", handle, "void *");
  const irecv = call("MPI_Irecv", "void *", "int", handle, "int", "int", handle, "void *");
  const test = call("MPI_Test", "void *", "void *", "void *");
  const finalize = call("MPI_Finalize");
  const abort = call("MPI_Abort", handle, "int");
  // Room for the status of any library: at most 40 bytes.
  const status = new Uint8Array(new ArrayBuffer(128));
  const integer = (read: (out: Int32Array) => number) => {
    const out = new Int32Array(new ArrayBuffer(4));
    read(out);
    return out[0]!;
  };
  return {
    file,
    init() {
      const granted = integer((out) => initThread(null, null, MPI_THREAD_FUNNELED, out));
      if (granted < MPI_THREAD_FUNNELED) throw new ParallelError(`${file} was built without support for threads`);
      setErrorHandler(world, errorsReturn);
    },
    size: () => integer((out) => commSize(world, out)),
    rank: () => integer((out) => commRank(world, out)),
    isend: (bytes, { other, tag }, request) => isend(bytes, bytes.length, byte, other, tag, world, request),
    irecv: (bytes, { other, tag }, request) => irecv(bytes, bytes.length, byte, other, tag, world, request),
    test: (request, done) => test(request, done, status),
    finalize: () => void finalize(),
    abort: (code) => void abort(world, code),
  };
}
