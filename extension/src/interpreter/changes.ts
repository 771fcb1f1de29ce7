/** Tells when another interpreter may have been chosen: in the settings, or in one of the Python extensions. */
import { Disposable, workspace, type Event } from "vscode";
import { SECTION } from "../settings";
import { providers } from "./pythonExtensions";

/** `started` tells that an interpreter was looked for: until then the Python extensions need not be woken. */
export function onInterpreterChange(started: Event<unknown>, listener: () => void): Disposable {
  const disposables: Disposable[] = [
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.interpreter`)) listener();
    }),
  ];
  let over = false;
  const first = started(() => {
    first.dispose();
    void listen();
  });
  const listen = async (): Promise<void> => {
    const found = await providers();
    if (!over) disposables.push(...found.map(({ onDidChange }) => onDidChange(listener)));
  };
  return new Disposable(() => {
    over = true;
    for (const disposable of [first, ...disposables]) disposable.dispose();
  });
}
