import { library } from "../../tsup.base.ts";

export default library({ entry: ["src/index.ts", "src/files.ts", "src/sentencepiece.ts"], external: [/^node:/] });
