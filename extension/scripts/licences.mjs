// The licences of what is bundled, read from what esbuild says it has bundled.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The licences of all packages among the inputs of bundles, each with its version and its text. */
export function licences(root, inputs) {
  const folders = inputs.map((path) => /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  const texts = [...new Set(folders)].filter(Boolean).map((folder) => licence(join(root, folder)));
  return [...new Set(texts)].toSorted().join(`\n${"-".repeat(80)}\n\n`);
}

function licence(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()}\n`;
}
