/** Which files are models. */
import { Uri, workspace, type TextDocument } from "vscode";
import { configuredFiles, looksLikeModel } from "./modelFiles";

/** Whether a document is the file of a world model, by its text or because the configuration names it. */
export async function isModel(document: TextDocument): Promise<boolean> {
  if (document.languageId !== "python" || !["file", "untitled"].includes(document.uri.scheme)) return false;
  if (looksLikeModel(document.getText())) return true;
  const configured = await modelsOfConfiguration();
  return configured.some((uri) => uri.toString() === document.uri.toString());
}

/** The files that the configuration at the root of each folder names as models. */
export async function modelsOfConfiguration(): Promise<readonly Uri[]> {
  const places = (workspace.workspaceFolders ?? []).flatMap(({ uri }) =>
    ["cwm.toml", "pyproject.toml"].map((name) => ({ folder: uri, file: Uri.joinPath(uri, name) })),
  );
  const found = await Promise.all(
    places.map(async ({ folder, file }) => {
      const bytes = await workspace.fs.readFile(file).then(undefined, () => undefined);
      const text = bytes ? Buffer.from(bytes).toString("utf8") : "";
      return configuredFiles(text).map((path) => Uri.joinPath(folder, path));
    }),
  );
  return found.flat().filter(({ path }) => path.endsWith(".py"));
}
