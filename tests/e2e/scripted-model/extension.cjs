// Answers every request with the file reply.md of the workspace, and writes down what it was asked.
const { appendFileSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const vscode = require("vscode");

exports.activate = (context) => {
  const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;
  const model = {
    id: "scripted-1",
    name: "Scripted One",
    family: "scripted",
    version: "1",
    maxInputTokens: 100_000,
    maxOutputTokens: 10_000,
    capabilities: {},
  };
  context.subscriptions.push(
    vscode.lm.registerLanguageModelChatProvider("scripted", {
      provideLanguageModelChatInformation: () => [model],
      provideLanguageModelChatResponse: async (_model, messages, _options, progress) => {
        const asked = messages.flatMap(({ content }) => content.map(({ value }) => value));
        appendFileSync(join(folder, "prompts.jsonl"), `${JSON.stringify(asked)}\n`);
        progress.report(new vscode.LanguageModelTextPart(readFileSync(join(folder, "reply.md"), "utf8")));
      },
      provideTokenCount: async (_model, text) => Math.ceil((typeof text === "string" ? text : "").length / 4),
    }),
  );
};
