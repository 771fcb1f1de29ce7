import assert from "node:assert/strict";
import { test } from "node:test";
import { configuredFiles, looksLikeModel } from "../src/modelFiles";

test("a class with set_state and step looks like a model", () => {
  assert.ok(
    looksLikeModel(
      "class Town:\n    def set_state(self, s):\n        pass\n\n    def step(self, action):\n        pass\n",
    ),
  );
});

test("the function transition looks like a model", () => {
  assert.ok(looksLikeModel("import math\n\ndef transition(state, action):\n    return state\n"));
});

test("a class with step alone does not look like a model", () => {
  assert.ok(!looksLikeModel("class Optimizer:\n    def step(self):\n        pass\n"));
});

test("a method called transition does not make a model", () => {
  assert.ok(!looksLikeModel("class Page:\n    def transition(self, state):\n        pass\n"));
});

test("the configuration names files, with or without a class", () => {
  const configuration = `
[[models]]
file = "cartpole/empty.py::Environment"
trajectories = "cartpole.jsonl"

[[tool.cwm.models]]
  file = 'taxi.py'
# file = "old.py"
`;
  assert.deepEqual(configuredFiles(configuration), ["cartpole/empty.py", "taxi.py"]);
});
