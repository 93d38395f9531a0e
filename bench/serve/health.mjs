/** Asks a server for its health twenty times a second, and prints the 99th percentile of how long that takes, and the longest. */
const { url, seconds } = JSON.parse(process.argv[2]);
const times = [];
const begun = performance.now();
while (performance.now() - begun < 1000 * seconds) {
  const asked = performance.now();
  const { ok } = await fetch(`${url}/health`);
  if (!ok) throw new Error("/health does not answer 200");
  times.push(performance.now() - asked);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
times.sort((a, b) => a - b);
process.stdout.write(`${JSON.stringify({ p99: times[Math.ceil(0.99 * times.length) - 1], longest: times.at(-1) })}\n`);
