/** The process of registry.mjs: runs verdaccio on any free port of loopback and sends the port to its parent. */
import { runServer } from "verdaccio";

const server = await runServer(process.argv[2]);
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit());
