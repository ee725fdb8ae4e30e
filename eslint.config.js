import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["docs/", "benchmarks/", ".*/"] },
  js.configs.recommended,
  { files: ["mnist_demo/web/**"], languageOptions: { globals: globals.browser } },
  { files: ["mnist_demo/web/site/sw.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["tests/web/**"], languageOptions: { globals: globals.node } },
];
