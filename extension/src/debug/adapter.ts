/** Which debugger to use: that of the Python Debugger extension, else debugpy as it is in the server's interpreter. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  commands,
  debug,
  DebugAdapterExecutable,
  extensions,
  type DebugAdapterDescriptorFactory,
  type Disposable,
} from "vscode";
import { explain } from "../commands/guard";

const OWN = "cwm";
const THEIRS = { type: "debugpy", extension: "ms-python.debugpy" };

/** The type of debug session to start; explains what is missing where there is none. */
export async function debuggerType(python: string): Promise<string | undefined> {
  if (extensions.getExtension(THEIRS.extension)) return THEIRS.type;
  const has = await promisify(execFile)(python, ["-P", "-c", "import debugpy"]).then(
    () => true,
    () => false,
  );
  if (has) return OWN;
  return explain(`Debugging needs the Python Debugger extension, or the package debugpy in ${python}.`, {
    "Show the extension": () => commands.executeCommand("workbench.extensions.search", `@id:${THEIRS.extension}`),
  });
}

/** Lets the editor talk to debugpy without another extension. */
export function registerDebugger(): Disposable {
  const factory: DebugAdapterDescriptorFactory = {
    createDebugAdapterDescriptor: ({ configuration }) =>
      new DebugAdapterExecutable(String(configuration["python"]), ["-P", "-m", "debugpy.adapter"]),
  };
  return debug.registerDebugAdapterDescriptorFactory(OWN, factory);
}
