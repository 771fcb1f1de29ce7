// The search tree and the trajectory viewer in a dark theme with high contrast.
import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "./lib/session.ts";

const it = session(import.meta.url, { userSettings: { "workbench.colorTheme": "Default High Contrast" } });

test("the trajectory viewer is white on black, and a wrong field is marked by more than a colour", async () => {
  await it.workbench.open("taxi_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Show Trajectories");
  const row = it.workbench.webview().locator(".transition tr.wrong");
  await row.waitFor();
  assert.match(await row.innerText(), /≠/);
  const colours = await row.evaluate((element) => [
    getComputedStyle(element).color,
    getComputedStyle(document.body).backgroundColor,
  ]);
  assert.deepEqual(colours, ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]);
  await it.picture("trajectories");
});

test("the search tree too", async () => {
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.command("CWM: Synthesize World Model");
  await it.workbench.toast("Verified").waitFor({ timeout: 180_000 });
  await it.workbench.toast("Verified").getByRole("button", { name: "Show search tree" }).click();
  const view = it.page.frameLocator("iframe.webview.ready").last().frameLocator("iframe#active-frame");
  await view.locator(".node.best").waitFor();
  await it.picture("search tree");
});
