// Bundles what runs in the editor's extension host.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

await build({
  absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
  entryPoints: ["extension/src/extension.ts"],
  outfile: "extension/dist/extension.cjs",
  bundle: true,
  external: ["vscode"],
  format: "cjs",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  platform: "node",
  sourcemap: process.argv.includes("--debug") ? "inline" : false,
  target: "node20",
});
