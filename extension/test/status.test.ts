import assert from "node:assert/strict";
import { test } from "node:test";
import { Crashes } from "../src/server/crashes";
import type { StatusParams } from "../src/shared/messages";
import { serverWords, wordsOf } from "../src/status/words";

const STATUS: StatusParams = {
  schema: 1,
  uri: "file:///a.py",
  version: 3,
  state: "complete",
  stale: false,
  run: "onType",
  models: [],
  counts: { error: 0, warning: 0, info: 0, hint: 0 },
  accuracy: 1,
  isolation: "full",
  seconds: 0.1,
};

test("a model with errors is shown as an error", () => {
  const words = wordsOf({ ...STATUS, accuracy: 0.973, counts: { ...STATUS.counts, error: 2 } });
  assert.equal(words.text, "CWM 97.3 %");
  assert.equal(words.level, "error");
});

test("what is known stays visible while a newer version is checked", () => {
  const words = wordsOf({ ...STATUS, state: "checking", accuracy: 0.5, stale: true });
  assert.equal(words.text, "CWM 50.0 %, checking");
  assert.ok(words.busy);
});

test("a server that is off says so instead of the last result", () => {
  assert.match(serverWords({ kind: "untrusted" })?.detail ?? "", /not trusted/);
  assert.equal(serverWords({ kind: "running", python: "python3", source: "the PATH" }), undefined);
});

test("a server that keeps ending is given up, one that ends now and then is not", () => {
  const often = new Crashes(2, 1000);
  assert.deepEqual(
    [0, 10, 20].map((time) => often.add(time)),
    [true, true, false],
  );
  const seldom = new Crashes(2, 1000);
  assert.deepEqual(
    [0, 2000, 4000].map((time) => seldom.add(time)),
    [true, true, true],
  );
});
