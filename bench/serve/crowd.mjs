/** Clients that each stream one completion after another, for some seconds. Prints how many ended well, and other statuses by name. */
const { url, clients, seconds, maxTokens } = JSON.parse(process.argv[2]);
const deadline = performance.now() + 1000 * seconds;
const remaining = () => deadline - performance.now();
const counts = {};
const count = (name) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

async function complete(client) {
  const prompt = Array.from({ length: 16 }, (_, i) => 1 + ((31 * client + i) % 250));
  const body = JSON.stringify({ prompt, max_tokens: maxTokens, ignore_eos: true, stream: true });
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", body });
  const text = await answer.text();
  if (answer.status === 429) {
    count("429");
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(remaining(), 1000 * Number(answer.headers.get("retry-after")))),
    );
  } else if (!answer.ok) count(`${answer.status}`);
  else count(text.endsWith("data: [DONE]\n\n") && !text.includes('"error"') ? "completed" : "cut off");
}

async function client(index) {
  while (remaining() > 0) await complete(index).catch((error) => count(error.cause?.code ?? error.message));
}
await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
process.stdout.write(`${JSON.stringify(counts)}\n`);
