/** Runs `cwm` in the server's interpreter, for what takes long and leaves a file. */
import { spawn } from "node:child_process";
import { ProgressLocation, window, type LogOutputChannel } from "vscode";

export interface CliOutcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command with a progress that can be cancelled; cancelling asks it to stop as Ctrl-C does, which keeps what is done. */
export function runCwm(
  python: string,
  args: readonly string[],
  options: { readonly title: string; readonly folder: string; readonly log: LogOutputChannel },
): Thenable<CliOutcome> {
  const { title, folder, log } = options;
  const location = ProgressLocation.Notification;
  return window.withProgress({ location, title, cancellable: true }, (_progress, cancellation) => {
    log.info(`$ cwm ${args.join(" ")}`);
    return new Promise<CliOutcome>((resolve, reject) => {
      const child = spawn(python, ["-P", "-m", "cwm_engine", ...args], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      let errors = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
      const cancelling = cancellation.onCancellationRequested(() => child.kill("SIGINT"));
      child.on("error", reject);
      child.on("close", (code) => {
        cancelling.dispose();
        for (const text of [output, errors]) if (text.trim()) log.info(text.trim());
        resolve({ code, output: output.trim(), errors: errors.trim() });
      });
    });
  });
}
