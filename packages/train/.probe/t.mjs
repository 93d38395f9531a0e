import { mkdtempSync } from "node:fs";
import * as t from "./index.js";

console.log(Object.keys(t).length);
const d = mkdtempSync("/tmp/tbx-");
const w = t.openTensorBoard(d, { resumedStep: 0 });
w.scalars(1, { a: 1 });
w.close();
console.log(d);
const s = t.listenForStop({ onRequest: (x) => console.log("stopping", x) });
let n = 0;
const timer = setInterval(() => {
  if (s.requested && n++ > 8) {
    console.log("done");
    clearInterval(timer);
    s.dispose();
  }
}, 200);
