/**
 * `npm run test:mpi`: runs the tests of ranks under each MPI library of this machine, at least one. On Debian and Ubuntu:
 * `apt-get install openmpi-bin mpich`.
 */
import { install, runNode } from "./workspace.mjs";

async function test() {
  const { code } = await runNode(["node_modules/vitest/vitest.mjs", "run", "mpi.test.ts", "--maxWorkers=1"], {
    env: { MEGATRON_TEST_MPI: "1" },
  });
  return code === 0;
}

process.exitCode = (await install()) && (await test()) ? 0 : 1;
