/** Sends completion requests to a server with limited concurrency. Prints tokens per second and the median time per output token. */
import { measureServer } from "@megatron-ts/server";

const report = await measureServer({ rate: Number.POSITIVE_INFINITY, ...JSON.parse(process.argv[2]) });
if (report.completed === 0 || Object.keys(report.failed).length > 0) throw new Error(JSON.stringify(report.failed));
const { generatedTokensPerSecond, tpot } = report;
process.stdout.write(`${JSON.stringify({ tokensPerSecond: generatedTokensPerSecond, tpot: tpot.median / 1000 })}\n`);
