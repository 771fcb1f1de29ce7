// The language servers of a workbench.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process ids of those whose working folder is below a folder. */
export function languageServers(folder: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return command.includes("\0serve\0--stdio") && readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false; // it has ended since, or belongs to somebody else
      }
    })
    .map(Number);
}
