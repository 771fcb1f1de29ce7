/** *Restart Server*: with the interpreter as it is configured now. */
import { window } from "vscode";
import type { Server } from "../server/server";
import { trusted } from "./guard";

export async function restart(server: Server): Promise<void> {
  if (!(await trusted())) return;
  await server.restart({ asked: true });
  const { state } = server;
  if (state.kind === "running")
    void window.showInformationMessage(`The server was restarted with ${state.python}, by ${state.source}.`);
}
