// A machine whose Python lacks the package: one question, and the private environment is made.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { session } from "./lib/session.ts";

const folder = mkdtempSync(join(tmpdir(), "cwm-e2e-venv-"));
after(() => rmSync(folder, { recursive: true }));
execFileSync(process.env["CWM_E2E_PYTHON"] ?? "python3", ["-m", "venv", folder]);

const it = session(import.meta.url, {
  machineSettings: { "cwm.interpreter": join(folder, "bin/python") },
  environment: pip(),
});

test("one question is asked when the Python has no package", async () => {
  await it.workbench.open("cartpole_broken.py");
  const question = it.workbench.toast("Code World Models needs its Python package");
  await question.waitFor();
  assert.match(await question.innerText(), new RegExp(`Python 3\\.\\d+ \\(${folder}/bin/python3?\\) does not have`));
  assert.deepEqual(await question.getByRole("button", { name: /environment|Install|Choose/ }).allInnerTexts(), [
    "Create a private environment",
    "Install into selected",
    "Choose another Python",
  ]);
  await it.picture("question");
});

test("the private environment is made, and the mistake is shown", { timeout: 600_000 }, async () => {
  await it.page.getByRole("button", { name: "Create a private environment" }).click();
  await it.workbench.toast("Creating a private Python environment").waitFor();
  await it.picture("progress");
  await it.workbench.squiggles("error").first().waitFor({ timeout: 540_000 });
  const own = join(it.server.userData, "User/globalStorage/code-world-models.code-world-models/environment");
  assert.ok(existsSync(join(own, "bin/python")));
  await it.picture("ready");
});

/** How pip reaches packages on this machine. */
function pip(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => /^(PIP_|SSL_CERT_|https?_proxy$)/i.test(name));
  const file = join(homedir(), ".config/pip/pip.conf");
  return {
    PIP_CACHE_DIR: join(homedir(), ".cache/pip"),
    ...(existsSync(file) ? { PIP_CONFIG_FILE: file } : {}),
    ...Object.fromEntries(given.map(([name, value]) => [name, value ?? ""])),
  };
}
