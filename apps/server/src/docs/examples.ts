/** Bodies of requests that show how each route is used. */

/** Examples by path. */
export const examples: Readonly<Record<string, object>> = {
  "/v1/completions": { prompt: "My fellow citizens,", max_tokens: 32, temperature: 0.8 },
  "/v1/chat/completions": { messages: [{ role: "user", content: "Who are you?" }], max_completion_tokens: 64 },
  "/v1/responses": { input: "Who are you?", max_output_tokens: 64 },
  "/v1/embeddings": { input: ["the whale", "the sea"] },
  "/v1/fill-mask": { input: "Call me [MASK].", top_k: 3 },
  "/v1/explain": { input: "My fellow", attention: false },
  "/v1/passages": { input: "My fellow citizens of the Senate", top_k: 3 },
  "/v1/neurons": { layer: 0, neuron: 16, top_k: 3 },
  "/v1/classify": { input: "What a lovely day." },
  "/v1/answer": { input: { question: "Who went to sea?", context: "Some years ago Ishmael went to sea." } },
  "/v1/translate": { input: "The house is small." },
  "/v1/summarize": { input: "Some years ago, having little money, I thought I would sail about a little." },
  "/tokenize": { prompt: "My fellow citizens," },
  "/detokenize": { tokens: [72, 101, 108] },
};
