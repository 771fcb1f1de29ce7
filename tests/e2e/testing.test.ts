// The Test Explorer: model file, episodes, failing steps with their difference.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXAMPLES, session } from "./lib/session.ts";

const it = session(import.meta.url);
const row = (text: string | RegExp) => it.page.locator(".test-explorer .monaco-list-row").filter({ hasText: text });

test("the configured models are listed before anything is run", async () => {
  await it.workbench.command("Testing: Focus on Test Explorer View");
  await row("cartpole_broken.py").waitFor();
  assert.equal(await row(/\.py/).count(), readFileSync(join(EXAMPLES, "cwm.toml"), "utf8").match(/^file = /gm)?.length);
});

test("a run shows which model is right and which is wrong", async () => {
  await it.workbench.command("Test: Run All Tests");
  await it.page
    .locator('.test-explorer .monaco-list-row[aria-label*="cartpole_broken.py"][aria-label*="(Failed)"]')
    .waitFor();
  await it.page.locator('.test-explorer .monaco-list-row[aria-label*="taxi.py"][aria-label*="(Passed)"]').waitFor();
  await it.page.locator(".test-explorer .result-summary", { hasText: /\/\d/ }).waitFor();
  await it.page
    .locator(".pane-header .codicon-testing-cancel-icon, .codicon-testing-cancel-icon")
    .first()
    .waitFor({ state: "detached" });
  await it.picture("run");
});

test("an episode that fails has its failing steps below it", async () => {
  await row("taxi_broken.py").click();
  await it.page.keyboard.press("ArrowRight");
  const episode = row(/Episode \d+.*of \d+ steps wrong/).first();
  await episode.waitFor();
  await episode.click();
  await it.page.keyboard.press("ArrowRight");
  await row(/step \d+: obs wrong/)
    .first()
    .waitFor();
  await it.picture("steps");
});

test("a failing step shows what was expected beside what was predicted", async () => {
  await it.page.mouse.move(700, 700); // away from the row above, whose hover lies over this one
  await row(/step \d+: obs wrong/)
    .first()
    .click();
  const difference = it.page.locator(".test-output-peek-message-container .monaco-diff-editor").first();
  await difference.locator(".view-line", { hasText: "obs =" }).first().waitFor();
  await difference.locator(".char-insert, .line-insert").first().waitFor();
  await it.picture("difference");
});

test("a run with coverage counts the transitions that execute each line", async () => {
  await it.workbench.open("taxi_broken.py");
  await it.workbench.command("Test: Run Tests with Coverage in Current File");
  await it.page.locator(".test-coverage-list-item, .coverage-view-is-sorted, .test-coverage-bars").first().waitFor();
  await it.picture("coverage");
});

test("a continuous run follows the file as it is edited", async () => {
  const wrong = it.page.locator(
    '.test-explorer .monaco-list-row[aria-label*="taxi_broken.py"][aria-label*="(Failed)"]',
  );
  const right = it.page.locator(
    '.test-explorer .monaco-list-row[aria-label*="taxi_broken.py"][aria-label*="(Passed)"]',
  );
  await it.workbench.command("Testing: Focus on Test Explorer View");
  await row("taxi_broken.py").hover();
  await row("taxi_broken.py").getByRole("button", { name: "Turn on Continuous Run" }).click();
  await wrong.waitFor();
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.retype(37, "row = min(row + 1, 4)");
  await right.waitFor();
  await it.workbench.retype(37, "row = min(row + 1, 5)");
  await wrong.waitFor();
  await it.picture("continuous");
});

test("a test is debugged at its first failing step", async () => {
  await it.workbench.command("Testing: Focus on Test Explorer View");
  await row("taxi_broken.py").hover();
  await row("taxi_broken.py").getByRole("button", { name: "Debug Test" }).click();
  await it.workbench
    .choices()
    .filter({ hasText: /^Episode \d+, step \d+/ })
    .first()
    .waitFor();
  await it.page.keyboard.press("Escape");
});
