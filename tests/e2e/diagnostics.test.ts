// A model with a mistake: underlined on its line, listed under Problems, gone when it is corrected.
import assert from "node:assert/strict";
import { test } from "node:test";
import { languageServers } from "./lib/processes.ts";
import { session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const it = session(import.meta.url);

test("the mistake is underlined on its line and listed under Problems", async () => {
  await it.workbench.open("cartpole_broken.py");
  await it.workbench.squigglesUnder("error", [34]);
  await it.workbench.showProblems();
  await it.workbench.problems("CWM201").waitFor();
  assert.match(
    await it.workbench.problems("CWM201").innerText(),
    /obs\[1\].*obs\[3\].*wrong in 537 of 537 transitions/s,
  );
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.goTo(34);
  await until(async () => (await it.workbench.marks())[34] === "fail");
  await it.picture("wrong");
});

test("the hover shows a transition with what was expected and what was predicted", async () => {
  await it.workbench.goTo(34, 49);
  await it.workbench.command("Show or Focus Hover");
  const hover = it.page.locator(".monaco-hover:not(.hidden)", { hasText: "predicted" }).first();
  await hover.waitFor();
  assert.match(await hover.innerText(), /obs\[1\][\s\S]*expected[\s\S]*predicted/);
  await it.picture("hover");
  await it.page.keyboard.press("Escape");
});

test("typing the correction takes it away", async () => {
  await it.workbench.retype(34, "inertia = self.half_length * (4.0 / 3.0 - self.pole_mass * cos**2 / self.total_mass)");
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  await it.workbench.problems("CWM201").waitFor({ state: "detached" });
  await until(async () => (await it.workbench.marks())[34] === "pass");
  await it.picture("corrected");
});

test("a line that no transition executes is marked as such", async () => {
  await it.workbench.goTo(29, 200);
  await it.page.keyboard.type("\nif action > 1:\nforce = 0.0");
  await until(async () => {
    const marks = await it.workbench.marks();
    return marks[30] === "pass" && marks[31] === "unexercised";
  });
  await it.picture("unexercised");
});

test("a server that dies is started anew", async () => {
  await it.workbench.command("File: Revert File");
  await it.workbench.squiggles("error").first().waitFor();
  const [before] = languageServers(it.server.userData);
  assert(before !== undefined);
  process.kill(before, "SIGKILL");
  await it.page.waitForFunction(() => document.querySelectorAll(".squiggly-error").length === 0);
  await it.workbench.squiggles("error").first().waitFor();
  const [now, ...others] = languageServers(it.server.userData);
  assert.notEqual(now, before);
  assert.deepEqual(others, []);
});

test("the quick fix corrects it", async () => {
  await it.workbench.problems("then every transition is right").waitFor();
  await it.workbench.goTo(34, 49);
  await it.page.keyboard.press("Control+.");
  const fixes = it.page.locator(".action-widget .monaco-list-row");
  await fixes.filter({ hasText: "Replace" }).first().waitFor();
  await it.picture("quick fixes");
  await fixes.filter({ hasText: "Replace" }).first().click();
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  assert.match(await it.workbench.text(), /4\.0 \/ 3\.0 - self\.pole_mass/);
});
