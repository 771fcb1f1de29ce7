import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "../src/commands/sizes";
import { dataFile, fileName } from "../src/data/places";
import { address, problemOf } from "../src/llm/endpoints";
import { asOneSpeaker } from "../src/llm/messages";

test("data goes beside the model it is for, under its name", () => {
  assert.equal(
    dataFile("/project/a/cartpole.py", "CartPole-v1", "/project"),
    "/project/a/trajectories/cartpole.sqlite",
  );
  assert.equal(dataFile(undefined, "CartPole-v1", "/project"), "/project/trajectories/cart_pole.sqlite");
});

test("an environment's id becomes a name of a file", () => {
  assert.equal(fileName("minigrid:MiniGrid-Empty-5x5-v0"), "mini_grid_empty_5x5");
  assert.equal(fileName("ALE/Pong-v5"), "ale_pong");
});

test("the address of an endpoint has no slash at its end, and is OpenAI's where none is given", () => {
  assert.equal(address(" http://127.0.0.1:8080/v1/ "), "http://127.0.0.1:8080/v1");
  assert.equal(address(""), "https://api.openai.com/v1");
});

test("a key is sent in the clear within this machine only", () => {
  assert.equal(problemOf("http://127.0.0.1:8080/v1"), undefined);
  assert.equal(problemOf("https://example.org/v1"), undefined);
  assert.match(problemOf("http://example.org/v1") ?? "", /https/);
  assert.match(problemOf("http://127.example.org/v1") ?? "", /https/);
  assert.match(problemOf("https://me:secret@example.org/v1") ?? "", /password/);
  assert.match(problemOf("not an address") ?? "", /address/);
});

test("what the system says comes before what the user says first", () => {
  const chat = [
    { role: "system", content: "Write a program." },
    { role: "user", content: "Which one?" },
    { role: "assistant", content: "This one." },
    { role: "user", content: "Another." },
  ] as const;
  assert.deepEqual(asOneSpeaker(chat), [
    { role: "user", content: "Write a program.\n\nWhich one?" },
    { role: "assistant", content: "This one." },
    { role: "user", content: "Another." },
  ]);
});

test("sizes are told with two digits", () => {
  assert.equal(bytes(0), "0 bytes");
  assert.equal(bytes(999), "999 bytes");
  assert.equal(bytes(1234), "1.2 kB");
  assert.equal(bytes(56_789_000), "57 MB");
  assert.equal(bytes(5e12), "5000 GB");
});
