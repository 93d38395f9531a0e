/** POST /tokenize and /detokenize, and GET /tokenizer_info, as vLLM has them. */
import type { Prompt } from "../engine/protocol.ts";
import { readBody } from "../http/read-body.ts";
import { requireModel, type ServerState } from "../http/server-state.ts";
import { detokenizeSchema, tokenizeSchema } from "../schemas/tokens.ts";
import { chatPrompt } from "./chat-completions.ts";

/** The token ids of a text, or of a chat with its template. */
export async function tokenize(request: Request, state: ServerState): Promise<Response> {
  const parameters = await readBody(request, { schema: tokenizeSchema, maxBytes: state.maxBodyBytes });
  const { engine, info } = await requireModel(state, parameters.model);
  const { maxTokens } = info;
  const isChat = "messages" in parameters;
  const prompt: Prompt = isChat ? chatPrompt(parameters) : { kind: "text", text: parameters.prompt };
  const addSpecialTokens = isChat || (parameters.add_special_tokens ?? true);
  const { tokens, texts } = await engine.tokenize(prompt, { addSpecialTokens });
  return Response.json({
    tokens,
    count: tokens.length,
    max_model_len: Number.isFinite(maxTokens) ? maxTokens : null,
    ...(parameters.return_token_strs && { token_strs: texts }),
  });
}

/** The settings of a model's tokenizer; of the first without a name. */
export async function tokenizerInfo(name: string | undefined, state: ServerState): Promise<Response> {
  const { info } = await requireModel(state, name);
  return Response.json(info.tokenizer);
}

/** The text of token ids. */
export async function detokenize(request: Request, state: ServerState): Promise<Response> {
  const { model, tokens } = await readBody(request, { schema: detokenizeSchema, maxBytes: state.maxBodyBytes });
  const { engine } = await requireModel(state, model);
  return Response.json({ prompt: await engine.detokenize(tokens) });
}
