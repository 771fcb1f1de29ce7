/** The interpreters that may run the server, most wanted first. */
import type { Uri } from "vscode";
import { expand } from "./paths";
import { providers } from "./pythonExtensions";

export interface Candidate {
  readonly command: string;
  /** Where it comes from, as a sentence can name it. */
  readonly source: string;
}

/** Lists them: the setting alone where there is one, else those of the Python extensions and of the PATH. */
export async function candidates(
  setting: string,
  scope: Uri | undefined,
  root: string | undefined,
): Promise<Candidate[]> {
  if (setting) return [{ command: expand(setting, root, process.env), source: "the setting cwm.interpreter" }];
  const found: Candidate[] = [];
  if (scope) {
    for (const { name, interpreterOf } of await providers()) {
      // One after the other: the second is asked only for what the first does not know.
      // oxlint-disable-next-line no-await-in-loop
      const command = await interpreterOf(scope).catch(() => undefined);
      if (command) found.push({ command, source: name });
    }
  }
  const names = process.platform === "win32" ? ["python", "py"] : ["python3", "python"];
  found.push(...names.map((command) => ({ command, source: "the PATH" })));
  return found.filter(({ command }, index) => found.findIndex((other) => other.command === command) === index);
}
