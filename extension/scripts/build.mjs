// Bundles what is written in TypeScript. `--out DIR` writes the pages' assets somewhere else, to compare them.
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { out: { type: "string" } } });
const root = fileURLToPath(new URL("../..", import.meta.url));

// The pages that the command line writes. Their bundles are committed, so that a Python installation needs no Node.
await bundle(values.out ?? join(root, "cwm_engine/cli/assets"), {
  "search-tree": "extension/src/webviews/searchTree/page.ts",
});
if (!values.out) {
  await bundle(join(root, "extension/dist/webviews"), {
    "search-tree": "extension/src/webviews/searchTree/webview.ts",
    trajectories: "extension/src/webviews/trajectories/webview.ts",
  });
}

/** Bundles pages, each with the licences of what is in it. */
async function bundle(outdir, entryPoints) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    charset: "ascii",
    format: "iife",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    minify: true,
    target: "es2022",
  });
  for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
    if (file.endsWith(".js")) writeFileSync(join(root, file.replace(/\.js$/, ".licenses.txt")), licences(inputs));
  }
}

/** The licences of all packages in a bundle. */
function licences(inputs) {
  const names = Object.keys(inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names)]
    .filter(Boolean)
    .toSorted()
    .map((name) => {
      const folder = join(root, "node_modules", name);
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      if (!file) throw new Error(`${name} has no licence file`);
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
