// The workbench itself opens, and opens a file.
import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "./lib/session.ts";

const it = session(import.meta.url, { extension: false });

test("the workbench opens a file of the workspace", async () => {
  await it.workbench.open("cartpole_broken.py");
  assert.match(await it.workbench.text(), /class Environment/);
  await it.picture("open");
});
