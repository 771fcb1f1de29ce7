// Property tests: generated from the palette, run, shown on the model's lines and in the Test Explorer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "./lib/session.ts";

const it = session(import.meta.url);
const row = (text: string | RegExp) => it.page.locator(".test-explorer .monaco-list-row").filter({ hasText: text });

test("the tests of a model are written, opened and saved", async () => {
  await it.workbench.open("taxi_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Generate Property Tests");
  await it.workbench.toast("of them mined").waitFor({ timeout: 180_000 });
  await it.page.locator('.tab.active:not(.dirty)[data-resource-name="test_taxi_broken_properties.py"]').waitFor();
  await it.picture("tests");
});

test("running them says how many hold, and marks the lines of the model that break the others", async () => {
  await it.workbench.toast("of them mined").getByRole("button", { name: "Run them" }).click();
  await it.workbench.toast(/property tests hold, \d+ broken/).waitFor({ timeout: 180_000 });
  await it.page.locator('.tab[data-resource-name="taxi_broken.py"]').click();
  await it.workbench.command("Problems: Focus on Problems View");
  // Of a long list only what can be seen is there.
  await it.page
    .getByPlaceholder(/^Filter/)
    .last()
    .fill("does not hold for");
  const problem = it.page.locator(".markers-panel .monaco-list-row").filter({ hasText: "CWM701" }).first();
  await problem.filter({ hasText: "does not hold for state=" }).waitFor();
  await it.workbench.goTo(37);
  await it.workbench.squiggles("warning").first().waitFor();
  await it.picture("problems");
});

test("the Test Explorer lists them, and a run shows the counterexample", async () => {
  await it.workbench.command("Testing: Focus on Test Explorer View");
  const file = row("test_taxi_broken_properties.py").first();
  await file.waitFor();
  await file.click();
  await it.page.keyboard.press("ArrowRight");
  const one = row("a step returns 3 values").first();
  await one.waitFor();
  await file.hover();
  await file.getByRole("button", { name: "Run Test" }).click();
  await it.page
    .locator('.test-explorer .monaco-list-row[aria-label*="a step returns 3 values"][aria-label*="(Passed)"]')
    .waitFor({ timeout: 180_000 });
  const broken = it.page.locator('.test-explorer .monaco-list-row[aria-label*="(Failed)"]');
  assert.ok((await broken.count()) >= 2);
  await it.picture("explorer");
});
