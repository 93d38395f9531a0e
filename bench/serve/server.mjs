/** A server in a process of its own. Prints where it is once it is ready, and its memory when its standard input ends. */
import { startServer } from "@megatron-ts/server";

const server = await startServer({ port: 0, ...JSON.parse(process.argv[2]) });
await server.ready;
const resident = [];
const watch = setInterval(() => resident.push(process.memoryUsage.rss()), 1000);
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
process.stdin.resume().on("end", async () => {
  clearInterval(watch);
  await server.close();
  // From the second quarter on, all clients are connected and every sequence has been in use.
  const early = resident.slice(0, Math.ceil(resident.length / 2)).slice(-Math.ceil(resident.length / 4));
  const peak = (values) => values.reduce((highest, value) => Math.max(highest, value), 0);
  process.stdout.write(`${JSON.stringify({ early: peak(early), late: peak(resident) })}\n`);
  process.exit(0);
});
