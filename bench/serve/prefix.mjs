/** The seconds to the first token after 1,000 tokens that no request had before, and after 1,000 that all have, medians. */
const { url, rounds } = JSON.parse(process.argv[2]);
const TOKENS = 1000;

async function firstToken(seed, end) {
  const prompt = Array.from({ length: TOKENS }, (_, i) => 1 + ((seed * 7919 + i * 31 + ((i * i) % 97)) % 250));
  const sent = performance.now();
  const body = JSON.stringify({ prompt: [...prompt, end], max_tokens: 1, ignore_eos: true, stream: true });
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", body });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const reader = answer.body.getReader();
  await reader.read();
  const seconds = (performance.now() - sent) / 1000;
  while (!(await reader.read()).done);
  return seconds;
}

await firstToken(0, 1);
const [cold, warm] = [[], []];
for (let round = 1; round <= rounds; round++) {
  cold.push(await firstToken(round, 1));
  warm.push(await firstToken(round, 2));
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
process.stdout.write(`${JSON.stringify({ cold: median(cold), warm: median(warm) })}\n`);
