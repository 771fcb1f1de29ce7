/** Long work of the server that the user asked for: a progress message with a button that stops it, and its end. */
import { randomUUID } from "node:crypto";
import { ProgressLocation, window } from "vscode";
import { type LanguageClient, WorkDoneProgress } from "vscode-languageclient/node";
import { explain } from "./commands/guard";

/** More that can be done, by the label of its button. */
export type Extras = Readonly<Record<string, () => unknown>>;

/** What a progress message says. */
export interface Task {
  readonly title: string;
  /** What is said when it was stopped before it had an answer. */
  readonly stopped: string;
  readonly extras?: Extras;
}

/** Does something with a progress message that has a button to stop it; says what went wrong, and that it was stopped. */
export async function withProgress<Result>(
  client: LanguageClient,
  { title, stopped: whenStopped, extras = {} }: Task,
  work: (token: string, stop: () => void) => Promise<Result>,
): Promise<Result | undefined> {
  const token = `cwm-${randomUUID()}`;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    void client.sendNotification("window/workDoneProgress/cancel", { token });
  };
  try {
    return await window.withProgress(
      { location: ProgressLocation.Notification, title, cancellable: true },
      async (progress, cancellation) => {
        let last = 0;
        const listening = client.onProgress(WorkDoneProgress.type, token, (value) => {
          if (value.kind !== "report") return;
          const percentage = value.percentage ?? last;
          progress.report({ ...(value.message && { message: value.message }), increment: percentage - last });
          last = percentage;
        });
        const cancelling = cancellation.onCancellationRequested(stop);
        try {
          return await work(token, stop);
        } finally {
          listening.dispose();
          cancelling.dispose();
        }
      },
    );
  } catch (error) {
    // What does not stop by itself in time is ended without an answer.
    if (stopped) await inform(whenStopped, extras);
    else await explain(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

export async function inform(message: string, extras: Extras = {}): Promise<void> {
  const answer = await window.showInformationMessage(message, ...Object.keys(extras));
  if (answer !== undefined) await extras[answer]?.();
}
