// What the commands say when they cannot run, where the check of a file stands, and what there is beside models.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { languageServers } from "./lib/processes.ts";
import { session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const it = session(import.meta.url);

test("without a file, each command says what to open first", async () => {
  for (const command of ["Check World Model", "Synthesize", "Repair with Search", "Fit", "Show Traj", "Debug a Mism"]) {
    await it.workbench.command(`CWM: ${command}`);
    const message = it.workbench.toast("Open the Python file of a world model first.");
    await message.getByRole("button", { name: "Open a sample world" }).waitFor();
    await it.workbench.dismiss(message);
  }
});

test("of a file that is no model, they say so", async () => {
  await it.workbench.open("driver.py");
  for (const command of ["Check World Model", "Debug a Mismatch"]) {
    await it.workbench.command(`CWM: ${command}`);
    await it.workbench.dismiss(it.workbench.toast("This file holds no world model"));
  }
  await it.workbench.command("CWM: Show Trajectories");
  await it.workbench.webview().locator(".notice", { hasText: "This file holds no world model" }).waitFor();
  await it.workbench.command("View: Close All Editors");
});

test("where there are no searches, their tree cannot be shown", async () => {
  await it.workbench.command("CWM: Show Search Tree");
  await it.workbench.toast("There are no searches yet.").waitFor();
});

test("the status beside the language tells how right the model is", async () => {
  await it.workbench.open("cartpole_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.showLanguageStatus();
  await it.workbench.languageStatus("CWM 0.0 %").waitFor();
  assert.match(await it.workbench.languageStatus("CWM 0.0 %").innerText(), /0 of 537 transitions right of CartPole-v1/);
  await it.picture("status");
});

test("from there the run mode is changed, and a file is checked on demand only", async () => {
  await it.workbench.chooseLanguageStatus("CWM checks while typing", "Change");
  await it.workbench.pick("On demand");
  await it.workbench.retype(34, "inertia = self.half_length * (4.0 / 3.0 - self.pole_mass * cos**2 / self.total_mass)");
  await it.workbench.showLanguageStatus();
  await it.workbench.languageStatus("CWM checks on demand").waitFor();
  await it.workbench.chooseLanguageStatus("CWM not checked yet", "Check");
  await it.workbench.squiggles("error").first().waitFor({ state: "detached" });
  await it.workbench.showLanguageStatus();
  await it.workbench.languageStatus("CWM 100 %").waitFor();
  await it.picture("on demand");
});

test("from there the log is opened, and the status goes on telling of the file", async () => {
  await it.workbench.chooseLanguageStatus("CWM log", "Show");
  await it.page.locator(".output-view-content, .output-view", { hasText: "the setting cwm.interpreter" }).waitFor();
  await it.workbench.showLanguageStatus();
  await it.workbench.languageStatus("CWM 100 %").waitFor();
  await it.picture("log");
  await it.page.keyboard.press("Escape");
});

test("the server is restarted, and only one runs then", async () => {
  const [before] = languageServers(it.server.userData);
  await it.workbench.command("CWM: Restart Server");
  await it.workbench.toast(/The server was restarted with .*, by the setting cwm\.interpreter\./).waitFor();
  await until(() => {
    const [now, ...others] = languageServers(it.server.userData);
    return now !== undefined && now !== before && others.length === 0;
  });
});

test("the setup is told: versions, interpreters, and the state of the server", async () => {
  await it.workbench.command("CWM: Collect Setup Information");
  await it.page.locator(".view-line", { hasText: "private environment: none" }).waitFor();
  const text = await it.workbench.text();
  assert.match(text, /- server: running[\s\S]*Python 3\.\d+\.\d+ by the setting cwm\.interpreter, package \d/);
  await it.picture("setup");
});

test("the tour opens a sample world in a window of its own, with the faulty model in it", async () => {
  await it.workbench.command("CWM: Get Started");
  const steps = it.page.locator(".gettingStartedContainer .getting-started-step");
  await steps.first().waitFor();
  assert.equal(await steps.count(), 4);
  await it.picture("tour");
  const [other] = await Promise.all([
    it.page.context().waitForEvent("page"),
    it.page.getByRole("button", { name: "Open a Sample World", exact: true }).click(),
  ]);
  await other.locator('.tab.active[data-resource-name="cartpole_broken.py"]').waitFor();
  await other.locator(".squiggly-error").first().waitFor();
  await other.close();
});

test("the extension starts quickly, and ships the licences of what is in it", async (context) => {
  await it.workbench.command("Developer: Show Running Extensions");
  const row = it.page.locator(".runtime-extensions-editor .extension", { hasText: "Code World Models" }).first();
  await row.locator(".activation-time", { hasText: /\d+ms/ }).waitFor();
  context.diagnostic(await row.locator(".activation-time").innerText());
  await it.picture("running extensions");
  const installed = join(it.server.userData, "../extensions");
  const own = readdirSync(installed).find((name) => name.startsWith("code-world-models."));
  const notices = readFileSync(join(installed, own ?? "", "extension/dist/ThirdPartyNotices.txt"), "utf8");
  for (const name of ["vscode-languageclient", "d3-hierarchy", "@lezer/python"])
    assert.ok(notices.includes(`${name} `));
});
