/** Tests of the release notes on changelogs as changesets writes them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { entriesOfVersion, releaseNotes } from "./release-notes.mjs";

const model = `# @megatron-ts/model

## 0.3.0

### Minor Changes

- 1a2b3c4: A new family.

  With a second paragraph.

### Patch Changes

- Faster start.
- Updated dependencies [1a2b3c4]
  - @megatron-ts/ops@0.3.0

## 0.2.0

### Minor Changes

- First release.
`;
const ops =
  "# @megatron-ts/ops\n\n## 0.3.0\n\n### Patch Changes\n\n- Faster start.\n\n## 0.2.0\n\n### Minor Changes\n\n- First release.\n";

describe("entriesOfVersion", () => {
  it("returns the whole entries of a version, without raised dependencies", () => {
    assert.deepEqual(entriesOfVersion(model, "0.3.0"), [
      "- A new family.\n\n  With a second paragraph.",
      "- Faster start.",
    ]);
    assert.deepEqual(entriesOfVersion(model, "0.2.0"), ["- First release."]);
    assert.deepEqual(entriesOfVersion(model, "0.1.0"), []);
  });
});

describe("releaseNotes", () => {
  it("lists every entry once, with its packages", () => {
    assert.equal(
      releaseNotes({ model, ops, random: "" }, "0.3.0"),
      "- **model**: A new family.\n\n  With a second paragraph.\n- **model, ops**: Faster start.\n",
    );
    assert.equal(releaseNotes({ model, ops }, "0.2.0"), "- **all packages**: First release.\n");
  });
});
