// A language model of the editor writes the program: chosen once, asked without a key.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Endpoint } from "./lib/endpoint.ts";
import { languageServers } from "./lib/processes.ts";
import { ROOT, session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const KEY = "sk-swordfish";

const it = session(import.meta.url, { vsix: [join(ROOT, "dist/scripted-model.vsix")] });
const endpoint = new Endpoint(() => `\`\`\`python\n${right}\`\`\`\n`);
after(() => endpoint.close());
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

test("the tree shows what was asked and answered, and accuracy over calls", async () => {
  await it.workbench.command("CWM: Show Search Tree");
  await it.workbench.pick("mountain_car.py");
  const view = it.workbench.webview();
  await view.locator(".over-calls h2", { hasText: "Accuracy over calls" }).waitFor();
  await view.locator(".node.best").click();
  await view.getByRole("tab", { name: "Prompt" }).click();
  await view.locator("pre.text", { hasText: "MountainCar-v0" }).waitFor();
  await view.getByRole("tab", { name: "Reply" }).click();
  await view.locator("pre.text", { hasText: "class Environment" }).waitFor();
  await it.picture("reply");
});

test("an endpoint and a key of one's own are asked for", async () => {
  await it.workbench.command("CWM: Select Language Model...");
  await it.workbench.pick("OpenAI or a compatible endpoint");
  await it.workbench.enterFor("address", await endpoint.address());
  await it.workbench.enterFor("name", "tiny");
  await it.workbench.enterFor("key", KEY);
  await it.workbench.toast("Searches ask tiny from now on.").waitFor();
  await it.workbench.command("CWM: Select Language Model...");
  const row = it.workbench.choices().filter({ hasText: "tiny" });
  await row.filter({ hasText: "Its key is stored." }).waitFor();
  await it.picture("endpoint");
  await it.page.keyboard.press("Escape");
});

test("the key is handed to the server in its environment, and written nowhere", async () => {
  await until(() =>
    languageServers(it.server.userData).some((pid) =>
      readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`OPENAI_API_KEY=${KEY}`),
    ),
  );
  const files = readdirSync(it.server.userData, { recursive: true, withFileTypes: true });
  const holding = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => readFileSync(file).includes(KEY));
  assert.deepEqual(holding, []);
});

test("a search asks that endpoint, with that key", async () => {
  await it.workbench.command("View: Close All Editors");
  await it.page.locator(".monaco-dialog-box").getByRole("button", { name: "Don't Save" }).click();
  await it.workbench.open("mountain_car.py");
  await it.workbench.command("CWM: Synthesize World Model");
  await it.workbench.toast("Verified").waitFor();
  assert.deepEqual([...new Set(endpoint.asked)], [`Bearer ${KEY}: tiny`]);
});
