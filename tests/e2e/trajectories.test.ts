// The trajectory viewer: an episode step by step, what was observed beside what the model predicts, while it is edited.
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeMaze } from "./lib/maze.ts";
import { session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const it = session(import.meta.url);
const wrong = () => it.workbench.webview().locator(".transition tr.wrong");

test("it begins at a failing step, with the wrong fields marked", async () => {
  writeMaze(it.server.workspace); // before files are looked for, which are remembered
  await it.workbench.open("taxi_broken.py");
  await it.workbench.squiggles("error").first().waitFor();
  await until(async () => Object.values(await it.workbench.marks()).includes("mixed"));
  await it.workbench.command("CWM: Show Trajectories");
  await wrong().first().waitFor();
  const view = it.workbench.webview();
  assert.match(await view.locator(".run").innerText(), /taxi_broken\.py[\s\S]*Taxi-v4[\s\S]*98\.5 %/);
  assert.match(await wrong().innerText(), /^obs ≠\s+\d+\s+\d+\s+\d+\s+[+−]\d+$/);
  assert.ok((await view.locator(".plot").count()) >= 2);
  await it.picture("wrong step");
});

test("the arrow keys step through the episode, n goes to the next failing step", async () => {
  const view = it.workbench.webview();
  const title = view.locator(".controls h2");
  await view.getByRole("slider", { name: "Step" }).focus();
  await it.page.keyboard.press("Home");
  await title.filter({ hasText: /^Step 0 of/ }).waitFor();
  await it.page.keyboard.press("ArrowRight");
  await title.filter({ hasText: /^Step 1 of/ }).waitFor();
  await it.page.keyboard.press("Home");
  await it.page.keyboard.press("n");
  await wrong().waitFor();
});

test("it follows the file: where the model is corrected, nothing is marked any more", async () => {
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.retype(37, "row = min(row + 1, 4)");
  await it.workbench.webview().locator(".facts", { hasText: "100 %" }).waitFor();
  await wrong().waitFor({ state: "detached" });
  await it.picture("corrected");
});

test("it opens from the Test Explorer", async () => {
  await it.workbench.command("Testing: Focus on Test Explorer View");
  const row = it.page.locator(".test-explorer .monaco-list-row", { hasText: "cartpole_broken.py" });
  await row.hover();
  await row.getByRole("button", { name: "Show Trajectories" }).click();
  const view = it.page.frameLocator("iframe.webview.ready").last().frameLocator("iframe#active-frame");
  await view.locator(".run", { hasText: "cartpole_broken.py" }).waitFor();
  await view.locator(".transition tr.wrong").first().waitFor();
  await it.picture("from the Test Explorer");
});

test("grids are shown as grids, and pictures as pictures", async () => {
  await it.workbench.command("View: Close All Editors");
  await it.page.locator(".monaco-dialog-box").getByRole("button", { name: "Don't Save" }).click();
  await it.workbench.open("maze.py");
  await it.workbench.squiggles("error").first().waitFor();
  await it.workbench.command("CWM: Show Trajectories");
  const view = it.workbench.webview();
  const grid = view.locator("table.grid[aria-label=predicted]");
  await grid.locator("td.wrong").first().waitFor();
  assert.equal(await grid.locator("td").count(), 36);
  assert.equal(await view.locator("table.grid").count(), 3);
  await view.locator("canvas").nth(3).waitFor();
  assert.deepEqual(
    await view.locator("canvas").evaluateAll((found) => found.map((canvas) => canvas.getAttribute("aria-label"))),
    ["obs.camera, before", "obs.camera, expected", "obs.camera, predicted", "frame, expected"],
  );
  const pixel = await view
    .locator("canvas")
    .nth(1)
    .evaluate((canvas) => {
      const drawn = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, 1, 1).data ?? [];
      return [...drawn];
    });
  assert.deepEqual(pixel, [60, 60, 90, 255]);
  await it.picture("grids");
});
