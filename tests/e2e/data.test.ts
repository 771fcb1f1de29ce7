// Trajectories are recorded from an environment, beside the model they are for.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXAMPLES, session } from "./lib/session.ts";

const it = session(import.meta.url, { workspace: {} });

const MODEL = `class Environment:
    def set_state(self, state):
        self.state = state

    def step(self, action):
        return self.state, -1.0, False
`;

test("a model without data says so", async () => {
  writeFileSync(join(it.server.workspace, "car.py"), MODEL);
  await it.workbench.open("car.py");
  await it.workbench.lens("no trajectories").waitFor();
  await it.picture("no-data");
});

test("so do the commands that need data, with what can be done about it", async () => {
  for (const command of ["Check World Model", "Synthesize World Model", "Repair with Search", "Fit Constants"]) {
    await it.workbench.command(`CWM: ${command}`);
    const message = it.workbench.toast("There are no trajectories to check this model against.");
    await message.getByRole("button", { name: "Import..." }).waitFor();
    await it.workbench.dismiss(message);
  }
  await it.workbench.command("CWM: Show Trajectories");
  await it.workbench.webview().locator(".notice", { hasText: "There are no trajectories" }).waitFor();
  await it.picture("nothing to show");
  await it.workbench.command("View: Close Editor");
  await it.workbench.open("car.py");
});

test("recording an environment is enough for the model to be checked", async () => {
  await it.workbench.command("CWM: Record Trajectories from a Gymnasium Environment...");
  await it.workbench.choose("MountainCar-v0");
  await it.workbench.enter("2");
  const file = join(it.server.workspace, "trajectories/car.sqlite");
  await it.workbench.answers(file);
  await it.picture("file");
  await it.page.keyboard.press("Enter");
  await it.workbench.toast(/2 episodes, 400 transitions of MountainCar-v0/).waitFor();
  assert.ok(existsSync(file));
  await it.workbench.lens(/of 400 transitions/).waitFor();
  await it.picture("checked");
});

test("trajectories of another format are imported, and a file that is there is not replaced unasked", async () => {
  copyFileSync(
    join(EXAMPLES, "mountain_car/trajectories/mountain_car.jsonl"),
    join(it.server.workspace, "other.jsonl"),
  );
  await it.workbench.command("CWM: Import Trajectories...");
  await it.workbench.enter(join(it.server.workspace, "other.jsonl"));
  const file = join(it.server.workspace, "trajectories/car.sqlite");
  await it.workbench.answers(file);
  await it.page.keyboard.press("Enter");
  const dialog = it.page.locator(".monaco-dialog-box", { hasText: "is there already" });
  await it.picture("replace");
  await dialog.getByRole("button", { name: "Replace it" }).click();
  await it.workbench.toast(/\d+ episodes/).waitFor();
  await it.workbench.lens(/of 389 transitions/).waitFor();
  await it.picture("imported");
});
