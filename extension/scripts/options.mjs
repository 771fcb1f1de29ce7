// How bundles are made: of pages, and of what runs in the editor's extension host.

const common = {
  bundle: true,
  legalComments: "none", // whole licences lie beside the bundles
  logLevel: "warning",
  metafile: true,
  minify: true,
};

export const page = { ...common, charset: "ascii", format: "iife", target: "es2022" };

export const host = { ...common, external: ["vscode"], format: "cjs", platform: "node", target: "node20" };
