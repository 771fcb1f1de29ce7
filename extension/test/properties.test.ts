import assert from "node:assert/strict";
import { test } from "node:test";
import { byTest, ranWords, testsName, writtenWords } from "../src/properties/words";
import type { PropertiesResult, PropertyOutcome, RunPropertiesResult } from "../src/shared/messages";

const WRITTEN: PropertiesResult = {
  schema: 1,
  tests: "file:///home/me/my%20worlds/tests/test_taxi_properties.py",
  created: true,
  count: 22,
  rules: 12,
  dropped: [],
  environment: null,
  added: ["test_a", "test_b"],
  updated: [],
  kept: [],
  removed: [],
  left: [],
  text: "",
  edit: { documentChanges: [] },
  applied: false,
};

function outcome(name: string, status: PropertyOutcome["status"]): PropertyOutcome {
  return { test: name, line: 3, status, seconds: 0.5, reason: null, failures: [] };
}

const RAN: RunPropertiesResult = {
  schema: 1,
  version: 1,
  tests: WRITTEN.tests,
  status: "complete",
  problem: null,
  seconds: 3,
  outcomes: [outcome("test_a", "passed"), outcome("test_b[1]", "passed"), outcome("test_b[2]", "failed")],
};

test("new tests are counted, and those that were mined", () => {
  assert.equal(writtenWords(WRITTEN), "test_taxi_properties.py: 22 tests, 12 of them mined.");
});

test("rules that the environment breaks are said to be left out", () => {
  const result = { ...WRITTEN, dropped: ["x", "y"], environment: "Taxi-v4" };
  assert.match(writtenWords(result), /2 rules of the data left out: Taxi-v4 breaks them\.$/);
});

test("of a file that is there, what changes is said, and what stays as it was edited", () => {
  const result = { ...WRITTEN, created: false, kept: ["test_c"], left: ["test_d"] };
  assert.equal(writtenWords(result), "test_taxi_properties.py: 2 new, 2 as you have edited them.");
});

test("a file that is up to date is said to be", () => {
  assert.equal(writtenWords({ ...WRITTEN, edit: null }), "test_taxi_properties.py is up to date: 22 tests.");
});

test("a run says how many hold and how many do not", () => {
  assert.equal(ranWords(RAN), "2 of 3 property tests hold, 1 broken.");
  const open = { ...RAN, outcomes: [...RAN.outcomes, outcome("test_c", "unfinished")] };
  assert.equal(ranWords(open), "2 of 4 property tests hold, 1 broken, 1 not decided in time.");
});

test("tests that cannot be loaded say why", () => {
  const result: RunPropertiesResult = { ...RAN, status: "error", problem: "NameError: x", outcomes: [] };
  assert.equal(ranWords(result), "test_taxi_properties.py cannot be loaded: NameError: x");
});

test("the parameters of a test are one entry of the Test Explorer", () => {
  const found = byTest(RAN.outcomes);
  assert.deepEqual([...found.keys()], ["test_a", "test_b"]);
  assert.equal(found.get("test_b")?.length, 2);
});

test("the tests of a model are found by its name", () => {
  assert.equal(testsName("/home/me/models/taxi.py"), "tests/test_taxi_properties.py");
});
