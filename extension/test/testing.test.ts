import assert from "node:assert/strict";
import { test } from "node:test";
import { mismatches } from "../src/debug/mismatches";
import { failingFirst, messageOf } from "../src/testing/episodes";
import { sides, summary } from "../src/testing/layout";
import { blamedLine, modelLine } from "../src/testing/places";

const FAILURE = {
  step: 8,
  state: [0.4, 0.1],
  action: 0,
  expected: { observation: [0.4713691, -0.15829212345], reward: 1, terminated: false },
  predicted: { observation: [0.4713692, -0.15690412345], reward: 1, terminated: false },
  differs: ["obs[1]"],
};

test("the two sides of a step differ in the lines of wrong fields only", () => {
  const { expected, predicted } = sides(FAILURE);
  assert.equal(expected, "obs[0] = 0.471369\nobs[1] = -0.15829212345\nreward = 1\nterminated = false");
  assert.equal(predicted, "obs[0] = 0.471369\nobs[1] = -0.15690412345\nreward = 1\nterminated = false");
});

test("a cell of a grid is one field, however it is written", () => {
  const grid = { observation: [[0, 1]], reward: 0, terminated: false };
  const { predicted } = sides({
    ...FAILURE,
    expected: grid,
    predicted: { ...grid, observation: [[0, 2]] },
    differs: ["obs[0,1]"],
  });
  assert.match(predicted, /obs\[0\]\[1\] = 2/);
});

test("a model that raised has predicted nothing but its error", () => {
  const failure = { ...FAILURE, predicted: { error: "ZeroDivisionError: division by zero" }, differs: [] };
  assert.equal(sides(failure).predicted, "ZeroDivisionError: division by zero");
  assert.equal(summary(failure), "step 8: ZeroDivisionError: division by zero");
});

test("many wrong fields are counted", () => {
  const differs = ["obs[0]", "obs[1]", "obs[2]", "obs[3]", "reward"];
  assert.equal(summary({ ...FAILURE, differs }), "step 8: obs[0], obs[1], obs[2], obs[3] and 1 more wrong");
});

test("a model is found by its name", () => {
  const text = "import math\n\n\nclass Helper:\n    pass\n\n\nclass Town(Helper):\n    pass\n";
  assert.equal(modelLine(text, "Town"), 7);
  assert.equal(modelLine("def transition(state, action):\n    return state\n", "transition"), 0);
});

const REPORT = {
  models: [
    {
      class: "Town",
      findings: [
        {
          code: "CWM201",
          message: "`obs[1]` is wrong",
          line: 34,
          fields: ["obs[1]"],
          examples: [{ episode: 1, step: 8, differs: ["obs[1]"] }],
        },
        {
          code: "CWM301",
          message: "`reward` is wrong",
          line: 40,
          fields: ["reward"],
          examples: [
            { episode: 1, step: 8, differs: ["reward"] },
            { episode: 2, step: 0, differs: ["reward"] },
          ],
        },
      ],
    },
  ],
};

test("a wrong field is shown at the line that a finding blames for it", () => {
  assert.equal(blamedLine(REPORT, "Town", ["reward"]), 39);
  assert.equal(blamedLine(REPORT, "Town", ["terminated"]), undefined);
});

test("each transition is offered once, with the first finding that shows it", () => {
  const found = mismatches(REPORT).map(({ episode, step, code }) => [episode, step, code]);
  assert.deepEqual(found, [
    [1, 8, "CWM201"],
    [2, 0, "CWM301"],
  ]);
});

test("a model is told with the number of its failing episodes", () => {
  const episode = { episode: 0, steps: 5, checked: 5, failing: 0, first: null, return: 5 };
  const dataset = {
    schema: 1,
    model: "Town",
    environment: "Taxi-v4",
    trajectories: null,
    accuracy: 0.9,
    images: [],
    episodes: [episode, { ...episode, episode: 1, failing: 1, first: 3 }],
  };
  assert.equal(
    messageOf(dataset),
    "Town: 90.0 % of the transitions of Taxi-v4 are predicted right; they fail in 1 of 2 episodes",
  );
  assert.deepEqual(failingFirst(dataset, 5), [1]);
});
