/**
 * Reads the special tokens that a tokenizer.json's post-processor adds around a text, such as <s> and </s>.
 */
import { MAX_ID } from "./parse-tokenizer-json.ts";
import { isCount, isObject, PartFields, type TokenizerPart } from "./part-fields.ts";

/** The ids that are added before and after a single text. */
export interface PostProcessor {
  before: number[];
  after: number[];
}

const NOTHING: PostProcessor = { before: [], after: [] };

function readTemplate(fields: PartFields): PostProcessor {
  const special = fields.object("special_tokens", {});
  const around: PostProcessor = { before: [], after: [] };
  let texts = 0;
  for (const item of fields.list("single")) {
    const { Sequence: sequence, SpecialToken: token } = isObject(item) ? item : {};
    if (isObject(sequence) && sequence.id === "A") texts++;
    else if (isObject(token) && typeof token.id === "string") {
      const entry = Object.hasOwn(special, token.id) ? special[token.id] : undefined;
      const ids: unknown = isObject(entry) ? entry.ids : undefined;
      if (!Array.isArray(ids) || !ids.every(isCount)) return fields.fail(`the special token ${token.id} has no ids`);
      (texts === 0 ? around.before : around.after).push(...ids);
    } else return fields.fail(`an item of "single" must be a text A or a special token, got ${JSON.stringify(item)}`);
  }
  return texts === 1 ? around : fields.fail(`"single" must contain the text A once, got it ${texts} times`);
}

/** The processors of a sequence, those of sequences in it included. */
function flatten(fields: PartFields): PartFields[] {
  return fields.type === "Sequence" ? fields.parts("processors").flatMap(flatten) : [fields];
}

function create(fields: PartFields): PostProcessor {
  switch (fields.type) {
    case "ByteLevel":
      return NOTHING;
    case "TemplateProcessing":
      return readTemplate(fields);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [fields.token("cls")[1]], after: [fields.token("sep")[1]] };
    case "Sequence": {
      const processors = flatten(fields).map((part) => ({ part, around: create(part) }));
      const adding = processors.filter(({ around }) => around.before.length + around.after.length > 0);
      // Whatever follows a template gets its special tokens and the text as several texts.
      const template = adding.findIndex(({ part }) => part.type === "TemplateProcessing");
      if (template >= 0 && template < adding.length - 1)
        return fields.fail("special tokens after those of a template are not supported");
      return adding.reduce(
        (inner, { around: outer }) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }),
        NOTHING,
      );
    }
    default:
      return fields.unsupported("post-processor");
  }
}

/**
 * Creates a post-processor.
 *
 * @throws {TokenizerError} if it is invalid or not supported.
 */
export function createPostProcessor(part: TokenizerPart | null | undefined): PostProcessor {
  if (!part) return NOTHING;
  const fields = new PartFields(part);
  const around = create(fields);
  const far = [...around.before, ...around.after].find((id) => id >= MAX_ID);
  return far === undefined ? around : fields.fail(`ids must be lower than ${MAX_ID}, got ${far}`);
}
