// A language model of the editor writes the program: chosen once, asked without a key.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, session } from "./lib/session.ts";

const it = session(import.meta.url, { vsix: [join(ROOT, "dist/scripted-model.vsix")] });
const right = readFileSync(join(ROOT, "benchmarks/models/mountain_car.py"), "utf8");

test("the language models of the editor are offered", async () => {
  writeFileSync(join(it.server.workspace, "reply.md"), `\`\`\`python\n${right}\`\`\`\n`);
  await it.workbench.open("mountain_car.py");
  await it.workbench.command("CWM: Select Language Model...");
  await it.workbench.choices().filter({ hasText: "Scripted One" }).waitFor();
  await it.picture("choice");
  await it.workbench.pick("Scripted One");
  await it.workbench.toast("Searches ask Scripted One from now on.").waitFor();
});

test("the one that was chosen writes the program", async () => {
  await it.workbench.command("CWM: Synthesize World Model");
  await it.workbench.toast("Verified").waitFor();
  const [prompt] = readFileSync(join(it.server.workspace, "prompts.jsonl"), "utf8").trim().split("\n");
  assert.match(prompt ?? "", /MountainCar-v0/);
  await it.workbench.toast("Verified").getByRole("button", { name: "Apply" }).click();
  await it.workbench.lens("100 %").waitFor();
  await it.picture("applied");
});
