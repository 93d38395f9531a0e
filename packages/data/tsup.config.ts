import { library } from "../../tsup.base.ts";

export default library({ entry: { index: "src/index.ts", "prepare-worker": "src/prepare/worker.ts" } });
