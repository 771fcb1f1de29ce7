/** Runs a program and hands on its lines. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { CancellationToken } from "vscode";

export class Cancelled extends Error {}

export interface RunOptions {
  readonly folder: string;
  readonly onLine: (line: string) => void;
  readonly cancellation: CancellationToken;
  readonly environment?: Readonly<NodeJS.ProcessEnv>;
}

/** Resolves when the program ends well; rejects with its last words when it does not, `Cancelled` when it was stopped. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.folder,
      env: options.environment ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const last: string[] = [];
    const listen = (line: string): void => {
      if (!line.trim()) return;
      last.push(line);
      if (last.length > 5) last.shift();
      options.onLine(line);
    };
    createInterface(child.stdout).on("line", listen);
    createInterface(child.stderr).on("line", listen);
    const cancelling = options.cancellation.onCancellationRequested(() => child.kill());
    child.on("error", (error) => {
      cancelling.dispose();
      reject(error);
    });
    child.on("close", (code) => {
      cancelling.dispose();
      if (options.cancellation.isCancellationRequested) reject(new Cancelled("cancelled"));
      else if (code === 0) resolve();
      else reject(new Error(last.join("\n") || `${command} ended with code ${code}`));
    });
  });
}
