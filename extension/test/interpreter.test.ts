import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { expand } from "../src/interpreter/paths";
import { progressOf } from "../src/interpreter/pip";
import { isNewEnough, parse } from "../src/interpreter/probe";

const ANSWER = {
  executable: "/usr/bin/python3",
  version: [3, 12, 1],
  packageVersion: null,
  installable: false,
  hasVenv: true,
};

test("a setting may be a name, a path from the folder, from home, or with variables", () => {
  const environment = { TOOLS: "/opt/tools" };
  assert.equal(expand("python3.12", "/project", environment), "python3.12");
  assert.equal(expand(".venv/bin/python", "/project", environment), "/project/.venv/bin/python");
  assert.equal(expand("${workspaceFolder}/.venv/bin/python", "/project", environment), "/project/.venv/bin/python");
  assert.equal(expand("~/envs/a/bin/python", "/project", environment), join(homedir(), "envs/a/bin/python"));
  assert.equal(expand("${env:TOOLS}/python", "/project", environment), "/opt/tools/python");
});

test("the answer of an interpreter is its last line", () => {
  const interpreter = parse("python3", `some start-up file prints this\n${JSON.stringify(ANSWER)}\n`);
  assert.equal(interpreter.command, "python3");
  assert.deepEqual(interpreter.version, [3, 12, 1]);
});

test("what is no answer of an interpreter is refused", () => {
  assert.throws(() => parse("ls", "a.txt\nb.txt\n"));
  assert.throws(() => parse("python3", JSON.stringify({ ...ANSWER, version: "3.12" })));
});

test("Python 3.11 is the oldest that will do", () => {
  assert.ok(isNewEnough({ version: [3, 11, 0] }));
  assert.ok(isNewEnough({ version: [4, 0, 0] }));
  assert.ok(!isNewEnough({ version: [3, 10, 12] }));
  assert.ok(!isNewEnough({ version: [2, 12, 0] }));
});

test("the progress of pip is told in few words", () => {
  assert.equal(progressOf("Collecting numpy<3,>=2.0 (from code-world-models==0.1.0)"), "looking for numpy");
  assert.equal(progressOf("  Downloading scipy-1.18.0-cp311-manylinux.whl (41.0 MB)"), "downloading scipy");
  assert.equal(progressOf("Installing collected packages: numpy, scipy"), "installing");
  assert.equal(progressOf("Requirement already satisfied: numpy"), undefined);
});
