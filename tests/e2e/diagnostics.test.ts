// A model with a mistake: underlined on its line, listed under Problems, gone when it is corrected.
import assert from "node:assert/strict";
import { test } from "node:test";
import { languageServers } from "./lib/processes.ts";
import { session } from "./lib/session.ts";

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
  await it.picture("wrong");
});

test("typing the correction takes it away", async () => {
  await it.workbench.retype(34, "inertia = self.half_length * (4.0 / 3.0 - self.pole_mass * cos**2 / self.total_mass)");
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  await it.workbench.problems("CWM201").waitFor({ state: "detached" });
  await it.picture("corrected");
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
