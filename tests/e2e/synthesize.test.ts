// *Synthesize World Model* with no language model: the file is repaired through a diff, and the search can be looked at.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const it = session(import.meta.url);

test("the program that was found is shown as a diff", async () => {
  await it.workbench.open("cartpole_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Synthesize World Model");
  await it.workbench.toast("Verified").waitFor({ timeout: 120_000 });
  await it.page.locator(".monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert").first().waitFor();
  await it.picture("diff");
});

test("applying it is one step, which can be undone", async () => {
  await it.workbench.toast("Verified").getByRole("button", { name: "Apply" }).click();
  await it.page.locator('.tab.active[data-resource-name="cartpole_broken.py"]').waitFor();
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.goTo(34);
  assert.match(await it.workbench.text(), /4\.0 \/ 3\.0 - self\.pole_mass/);
  await it.page.keyboard.press("Control+Z");
  await it.workbench.squiggles("error").first().waitFor();
  assert.match(await it.workbench.text(), /4\.0 \/ 3\.0 \+ self\.pole_mass/);
});

test("the search tree of the run can be opened, and shows what was tried", async () => {
  await it.workbench.command("CWM: Show Search Tree");
  await it.workbench.pick("cartpole_broken.py");
  const view = it.workbench.webview();
  await view.locator(".node.best").waitFor();
  assert.match(await view.locator(".run").innerText(), /verified[\s\S]*100 %/);
  assert.match(await view.locator(".details").innerText(), /Program \d+[\s\S]*100 %[\s\S]*best/);
  assert.match(
    (await view.locator(".chart svg").getAttribute("aria-label")) ?? "",
    /^Accuracy over programs: .* 100 %$/,
  );
  assert.equal(await view.locator(".chart .point").count(), await view.locator(".node").count());
  await it.picture("search tree");
});

test("each program of the tree tells its findings", async () => {
  const view = it.workbench.webview();
  await view.locator(".node", { hasText: "start" }).click();
  await view.getByRole("tab", { name: "Findings" }).click();
  await view.locator(".finding.error", { hasText: "CWM201" }).waitFor();
  assert.match(await view.locator(".finding.error .example").first().innerText(), /expected\s+predicted\s+difference/);
  await it.picture("findings");
});

test("using one is one step, which can be undone", async () => {
  const view = it.workbench.webview();
  await view.locator(".node.best").click();
  await view.getByRole("button", { name: "Use this candidate" }).click();
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  await it.workbench.command("View: Focus First Editor Group");
  await it.page.keyboard.press("Control+Z");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.goTo(34);
  assert.match(await it.workbench.text(), /4\.0 \/ 3\.0 \+ self\.pole_mass/);
});

test("a program of the tree opens in the native diff editor", async () => {
  await it.workbench.webview().getByRole("button", { name: "Open diff" }).click();
  await it.page.locator(".tab.active", { hasText: /Program/ }).waitFor();
  await it.page.locator(".monaco-diff-editor").first().waitFor();
  await it.picture("node diff");
});

test("a search can be watched while it runs, and cancel stops it", async () => {
  await it.workbench.command("View: Close All Editors");
  await it.workbench.open("cartpole_broken.py");
  await it.workbench.retype(35, "theta_acc = 0.0");
  await it.workbench.command("CWM: Repair with Search");
  await it.workbench.pick("Local repair");
  await it.workbench.enter("300");
  await it.workbench.toast("Searching for cartpole_broken.py").waitFor();
  const view = it.workbench.webview();
  await view.locator(".node").first().waitFor();
  await view.getByRole("button", { name: "Stop" }).waitFor();
  await it.picture("running");
  await it.workbench.toast("Searching for").getByRole("button", { name: "Cancel" }).click();
  await it.workbench.toast("The search was stopped").waitFor();
  await view.getByRole("button", { name: "Stop" }).waitFor({ state: "hidden" });
  await it.picture("stopped");
});

test("the button of the tree stops it too", async () => {
  await it.workbench.command("View: Close All Editors");
  await it.workbench.open("cartpole_two_faults.py");
  await it.workbench.retype(35, "theta_acc = 0.0");
  await it.workbench.command("CWM: Repair with Search");
  await it.workbench.pick("Local repair");
  await it.workbench.enter("300");
  const stop = it.workbench.webview().getByRole("button", { name: "Stop" });
  await stop.click();
  await it.workbench.toast("The search was stopped").waitFor();
  await stop.waitFor({ state: "hidden" });
});

test("numbers are fitted: the right one is shown as a diff, and applied in one step", async () => {
  await it.workbench.command("View: Close All Editors");
  await it.workbench.open("cartpole.py");
  await it.workbench.retype(18, "self.force = 12.0");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Fit Constants");
  const message = it.workbench.toast(/1 number fitted: 100 % of the transitions right, 0\.0 % before/);
  await message.waitFor();
  await it.picture("fit");
  await message.getByRole("button", { name: "Apply" }).click();
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  assert.match(await it.workbench.text(), /self\.force = 10\.0/);
  await it.page.keyboard.press("Control+Z");
  await it.workbench.squiggles("error").first().waitFor();
});

test("the searches that are kept tell their size, and can be deleted", async () => {
  const folder = join(it.server.userData, "../home/code-world-models/runs");
  const before = readdirSync(folder).length;
  await it.workbench.command("CWM: Manage Runs and Private Environment");
  await it.workbench
    .choices()
    .filter({ hasText: /Delete searches.*3, \d+(\.\d)? [kM]B/ })
    .waitFor();
  await it.picture("kept");
  await it.workbench.pick("Delete searches");
  const rows = it.workbench.choices();
  await rows.filter({ hasText: "cartpole_broken.py" }).first().waitFor();
  assert.match(await rows.first().innerText(), /\d+(\.\d)? [kM]B, 20\d\d/);
  await rows.first().locator(".monaco-checkbox").click();
  await it.page.locator('.quick-input-list .monaco-list-row[aria-checked="true"]').waitFor();
  await it.page.locator(".quick-input-widget").getByRole("button", { name: "OK" }).click();
  await until(() => readdirSync(folder).length < before);
});
