import assert from "node:assert/strict";
import { test } from "node:test";
import { looksLikeModel, names } from "../src/modelFiles";

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

test("the configuration names a file by its last part", () => {
  const configuration = '[[models]]\nfile = "cartpole/empty.py::Environment"\ntrajectories = "cartpole.jsonl"\n';
  assert.ok(names(configuration, "empty.py"));
  assert.ok(!names(configuration, "mpty.py"));
  assert.ok(!names(configuration, "cartpole.jsonl"));
});

test("dots in a file's name are dots", () => {
  assert.ok(!names('file = "a_py"', "a.py"));
});
