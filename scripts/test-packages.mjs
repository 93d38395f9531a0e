/**
 * `npm run test:packages`: builds all packages, publishes them to a registry on loopback and tests each one installed by
 * itself. The last line is `N passed, N failed`.
 */
import { testPublished } from "./published/published-tests.mjs";
import { formatTotal } from "./test-counts.mjs";
import { install, turbo } from "./workspace.mjs";

const built = (await install()) && (await turbo("build", "build:types"));
const counts = built ? await testPublished() : { passed: 0, failed: 1 };
console.log(`\n${formatTotal([counts])}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
