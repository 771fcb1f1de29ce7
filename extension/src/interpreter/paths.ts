/** Paths as people write them in settings. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** A path as people write it: with `~`, `${workspaceFolder}`, `${env:NAME}`, or from the first folder of the workspace. */
export function expand(path: string, root: string | undefined, environment: Readonly<NodeJS.ProcessEnv>): string {
  const expanded = path
    .replaceAll("${workspaceFolder}", root ?? "")
    .replaceAll("${userHome}", homedir())
    .replaceAll(/\$\{env:(\w+)\}/g, (_, name: string) => environment[name] ?? "")
    .replace(/^~(?=$|[/\\])/, homedir());
  const isName = !/[/\\]/.test(expanded);
  return isName || isAbsolute(expanded) || !root ? expanded : join(root, expanded);
}
