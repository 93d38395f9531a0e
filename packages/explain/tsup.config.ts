import { library } from "../../tsup.base.ts";

export default library({ entry: ["src/index.ts", "src/html/index.ts", "src/passages/index.ts"] });
