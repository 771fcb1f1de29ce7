// Runs the unit tests: bundles every test file and hands it to Node's own runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("../test", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "cwm-test-"));
try {
  await build({
    entryPoints: readdirSync(tests)
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => join(tests, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    logLevel: "warning",
    platform: "node",
    sourcemap: "inline",
    target: "node20",
  });
  const files = readdirSync(out).map((name) => join(out, name));
  process.exitCode =
    spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...files], {
      stdio: "inherit",
    }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
