// Trajectories are recorded from an environment, beside the model they are for.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { session } from "./lib/session.ts";

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
