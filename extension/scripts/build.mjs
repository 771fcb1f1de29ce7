// Bundles the pages that the command line writes. Their bundles are committed, so that a Python installation needs no Node.
// `--out DIR` writes them somewhere else, to compare them.
import { build } from "esbuild";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { licences } from "./licences.mjs";
import { page } from "./options.mjs";

const { values } = parseArgs({ options: { out: { type: "string" } } });
const root = fileURLToPath(new URL("../..", import.meta.url));

const { metafile } = await build({
  ...page,
  absWorkingDir: root,
  entryPoints: { "search-tree": "extension/src/webviews/searchTree/page.ts" },
  outdir: values.out ?? join(root, "cwm_engine/cli/assets"),
});
for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
  if (file.endsWith(".js"))
    writeFileSync(join(root, file.replace(/\.js$/, ".licenses.txt")), licences(root, Object.keys(inputs)));
}
