import { library } from "../../tsup.base.ts";

export default library({
  entry: {
    index: "src/index.ts",
    threads: "src/threads/index.ts",
    mpi: "src/mpi/index.ts",
    conformance: "src/conformance.ts",
  },
});
