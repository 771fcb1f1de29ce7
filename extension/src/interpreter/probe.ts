/** What a Python interpreter is and whether it has the project's package. */
import { execFile } from "node:child_process";

export const OLDEST_PYTHON: readonly [number, number] = [3, 11];

export interface Interpreter {
  /** As it was asked for: a path or a name on the PATH. */
  readonly command: string;
  /** The path as the interpreter knows itself. */
  readonly executable: string;
  readonly version: readonly [number, number, number];
  /** The version of the project's package in it; null where it is not installed. */
  readonly packageVersion: string | null;
  /** Whether pip may install into it: not into the Python of a Linux distribution. */
  readonly installable: boolean;
  /** Whether it can make virtual environments. */
  readonly hasVenv: boolean;
}

const PROGRAM = `
import importlib.metadata, importlib.util, json, os, sys, sysconfig
try:
    package = importlib.metadata.version("code-world-models")
except importlib.metadata.PackageNotFoundError:
    package = None
managed = sys.prefix == sys.base_prefix and os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
has = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"executable": sys.executable, "version": sys.version_info[:3], "packageVersion": package,
                  "installable": not managed and has("pip"), "hasVenv": has("venv") and has("ensurepip")}))
`;

/** Asks an interpreter about itself; an error says why it cannot be used. `folder` must not be one of the user's. */
export function probe(command: string, folder: string): Promise<Interpreter> {
  return new Promise((resolve, reject) => {
    // A folder of ours: with `-c`, modules of the current folder would shadow those of Python.
    execFile(command, ["-c", PROGRAM], { cwd: folder, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error) {
        const last = stderr.trim().split("\n").at(-1);
        reject(new Error(`${command} cannot be run: ${last || error.message}`));
        return;
      }
      try {
        resolve(parse(command, stdout));
      } catch {
        reject(new Error(`${command} did not answer like Python ${OLDEST_PYTHON.join(".")} or newer`));
      }
    });
  });
}

/** Reads an interpreter's answer; throws on anything else. */
export function parse(command: string, answer: string): Interpreter {
  const value: unknown = JSON.parse(answer.trim().split("\n").at(-1) ?? "");
  if (!isAnswer(value)) throw new Error("not an answer");
  return { command, ...value };
}

export function isNewEnough({ version }: Pick<Interpreter, "version">): boolean {
  const [major, minor] = OLDEST_PYTHON;
  return version[0] > major || (version[0] === major && version[1] >= minor);
}

function isAnswer(value: unknown): value is Omit<Interpreter, "command"> {
  if (typeof value !== "object" || value === null) return false;
  const answer = value as Record<string, unknown>;
  const version = answer["version"];
  return (
    typeof answer["executable"] === "string" &&
    Array.isArray(version) &&
    version.length === 3 &&
    version.every((part) => typeof part === "number") &&
    (answer["packageVersion"] === null || typeof answer["packageVersion"] === "string") &&
    typeof answer["installable"] === "boolean" &&
    typeof answer["hasVenv"] === "boolean"
  );
}
