// A machine whose Python lacks the package: one question, and the private environment is made.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { session } from "./lib/session.ts";
import { until } from "./lib/until.ts";

const folder = mkdtempSync(join(tmpdir(), "cwm-e2e-venv-"));
after(() => rmSync(folder, { recursive: true }));
const developing = process.env["CWM_E2E_PYTHON"] ?? "python3";
execFileSync(developing, ["-m", "venv", folder]);

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

test("it tells its size, and can be deleted", async () => {
  const own = join(it.server.userData, "User/globalStorage/code-world-models.code-world-models/environment");
  await it.workbench.command("CWM: Manage Runs and Private Environment");
  await it.workbench
    .choices()
    .filter({ hasText: /Delete the private environment\s*\d+ MB/ })
    .waitFor();
  await it.picture("manage");
  await it.workbench.pick("Delete the private environment");
  await it.page.locator(".monaco-dialog-box").getByRole("button", { name: "Delete" }).click();
  await until(() => !existsSync(own));
});

test("the package can be installed into the selected Python instead", { timeout: 600_000 }, async () => {
  // With what the package depends on, as an environment that is in use has most of it.
  lend(developing, folder);
  await it.workbench.command("CWM: Restart Server");
  await it.page.getByRole("button", { name: "Install into selected" }).click();
  await it.workbench.toast("Installing into").waitFor();
  await it.workbench.toast("The server was restarted").waitFor({ timeout: 540_000 });
  await it.workbench.command("View: Focus First Editor Group");
  await it.workbench.command("CWM: Check World Model");
  await it.workbench.squiggles("error").first().waitFor();
  assert.match(
    execFileSync(join(folder, "bin/pip"), ["show", "code-world-models"], { encoding: "utf8" }),
    /^Version: /m,
  );
});

/** Makes the packages of one environment importable in another, but for the project's own. */
function lend(python: string, environment: string): void {
  const lent = join(environment, "lent");
  mkdirSync(lent);
  for (const name of readdirSync(site(python)))
    if (!/\.pth$|^code_world_models|^cwm_/.test(name)) symlinkSync(join(site(python), name), join(lent, name));
  writeFileSync(join(site(join(environment, "bin/python")), "lent.pth"), `${lent}\n`);
}

/** Where an environment keeps its packages. */
function site(python: string): string {
  const program = "import sysconfig; print(sysconfig.get_path('purelib'))";
  return execFileSync(python, ["-c", program], { encoding: "utf8" }).trim();
}

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
