// In a folder that is not trusted nothing runs, and everything says so; trusting it is enough to start.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { session } from "./lib/session.ts";

const folder = mkdtempSync(join(tmpdir(), "cwm-e2e-python-"));
after(() => rmSync(folder, { recursive: true }));
const marker = join(folder, "ran");
const python = join(folder, "python");
// Leaves a mark when it is run, whatever for.
writeFileSync(python, `#!/bin/sh\ntouch '${marker}'\nexec '${process.env["CWM_E2E_PYTHON"]}' "$@"\n`, { mode: 0o755 });

const COMMANDS = [
  "Check World Model",
  "Synthesize World Model",
  "Repair with Search",
  "Fit Constants",
  "Show Search Tree",
  "Show Trajectories",
  "Debug a Mismatch",
  "Record Trajectories",
  "Import Trajectories",
  "Restart Server",
];

const it = session(import.meta.url, {
  trust: "ask",
  machineSettings: { "cwm.interpreter": python },
});

test("nothing is run when a model is opened", async () => {
  await it.workbench.trust(/^No, I don/);
  await it.workbench.open("cartpole_broken.py");
  await it.page.locator(".statusbar-item", { hasText: "Restricted Mode" }).waitFor();
  await it.workbench.showLanguageStatus();
  await it.workbench.languageStatus("CWM is off").waitFor();
  assert.equal(existsSync(marker), false);
  await it.picture("untrusted");
  await it.page.keyboard.press("Escape"); // what is opened lies over the messages
});

test("each command says why it does not run", async () => {
  for (const command of COMMANDS) {
    await it.workbench.command(`CWM: ${command}`);
    const message = it.workbench.toast("This folder is not trusted, so nothing in it is run.");
    await message.getByRole("button", { name: "Manage trust" }).waitFor();
    if (command === COMMANDS[0]) await it.picture("command");
    await it.workbench.dismiss(message);
  }
  assert.equal(existsSync(marker), false);
});

test("the setup is told without asking any interpreter", async () => {
  await it.workbench.command("CWM: Collect Setup Information");
  await it.page.locator(".view-line", { hasText: "not asked" }).waitFor();
  assert.equal(existsSync(marker), false);
});

test("once the folder is trusted, the mistake is shown", async () => {
  await it.workbench.command("Workspaces: Manage Workspace Trust");
  await it.page
    .locator(".workspace-trust-editor")
    .getByRole("button", { name: /^Trust/ })
    .first()
    .click();
  // The page about trust lies over the editors; the status bar counts the problems of the open file.
  await it.page.locator('.statusbar-item[id="status.problems"]', { hasText: /^\s*1\s*0/ }).waitFor();
  assert.equal(existsSync(marker), true);
});
