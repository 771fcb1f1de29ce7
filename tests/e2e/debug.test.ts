// The debugger stops on the first line of `step`, at the transition that is predicted wrongly.
import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "./lib/session.ts";

const it = session(import.meta.url);

test("it is said that the debugger runs the model outside of the sandbox", async () => {
  await it.workbench.open("cartpole_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Debug a Mismatch");
  await it.workbench.pick(/^Episode \d+, step \d+/);
  const dialog = it.page.locator(".monaco-dialog-box");
  await dialog.filter({ hasText: "runs this model outside of the sandbox" }).waitFor();
  await it.picture("dialog");
  await dialog.getByRole("button", { name: "Debug" }).click();
});

test("it stops on the first line of step, with the state of that transition", async () => {
  await it.page.locator(".debug-toolbar").waitFor();
  await it.page.locator(".debug-call-stack .stack-frame", { hasText: "step" }).first().waitFor();
  assert.match(await it.page.locator(".debug-call-stack .stack-frame").first().innerText(), /step[\s\S]*28:/);
  await it.picture("stopped");
});

test("the end of the session says what was observed and what was predicted", async () => {
  await it.workbench.command("Debug: Continue");
  await it.page.locator(".debug-toolbar").waitFor({ state: "hidden" });
  await it.workbench.command("Debug Console: Focus on Debug Console View");
  await it.page.locator(".repl .monaco-list-row", { hasText: "observed" }).first().waitFor();
  await it.picture("console");
});
