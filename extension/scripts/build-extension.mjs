// Bundles the extension: what runs in the editor's extension host, its pages, and the licences of all that is in them.
// `--debug` adds source maps.
import { build } from "esbuild";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { licences } from "./licences.mjs";
import { host, page } from "./options.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = join(root, "extension/dist");
rmSync(out, { recursive: true, force: true });

const bundles = await Promise.all([
  build({
    ...host,
    absWorkingDir: root,
    entryPoints: ["extension/src/extension.ts"],
    outfile: join(out, "extension.cjs"),
    sourcemap: process.argv.includes("--debug") ? "inline" : false,
  }),
  build({
    ...page,
    absWorkingDir: root,
    entryPoints: {
      "search-tree": "extension/src/webviews/searchTree/webview.ts",
      trajectories: "extension/src/webviews/trajectories/webview.ts",
    },
    outdir: join(out, "webviews"),
  }),
]);

const inputs = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
writeFileSync(
  join(out, "ThirdPartyNotices.txt"),
  `This extension contains the following packages, each under the licence below it.\n\n${licences(root, inputs)}`,
);
