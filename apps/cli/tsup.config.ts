import { library } from "../../tsup.base.ts";

export default library({ entry: ["src/main.ts", "src/rank.ts"], platform: "node" });
