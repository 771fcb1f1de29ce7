import assert from "node:assert/strict";
import { test } from "node:test";
import { Serial } from "../src/serial";

test("jobs run one after the other", async () => {
  const serial = new Serial();
  const log: string[] = [];
  const job = (name: string) => async () => {
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
  };
  await Promise.all([serial.run("a", job("a")), serial.run("b", job("b"))]);
  assert.deepEqual(log, ["a begins", "a ends", "b begins", "b ends"]);
});

test("of many restarts while one runs, one more is carried out", async () => {
  const serial = new Serial();
  let restarts = 0;
  const restart = async () => {
    restarts += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const first = serial.run("restart", restart);
  await Promise.resolve();
  await Promise.all([first, ...Array.from({ length: 9 }, () => serial.run("restart", restart))]);
  assert.equal(restarts, 2);
});

test("a job that fails does not keep the next from running", async () => {
  const serial = new Serial();
  await assert.rejects(serial.run("a", () => Promise.reject(new Error("no"))));
  let ran = false;
  await serial.run("b", async () => {
    ran = true;
  });
  assert.ok(ran);
});
