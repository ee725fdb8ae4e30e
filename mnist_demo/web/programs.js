// Open and close Gradio's view "Use via API", from the page's footer or by ?view=api.
// Gradio loads that view only when its own button is pressed. It shows the programming language that the address names,
// else MCP, which the fewest readers want.

import { appears } from "./dom.js";

async function openApiView() {
  const button = await appears("footer .show-api");
  const wanted = new URL(location.href);
  if (!wanted.searchParams.has("lang")) wanted.searchParams.set("lang", "python");
  history.replaceState(history.state, "", wanted);
  if (new URLSearchParams(location.search).get("view") === "api") button.click(); // Gradio thinks that it is open
  button.click();
}

// Close the view, and return if it was open.
export function closeApiView() {
  /** @type {HTMLElement | null} */
  const backdrop = document.querySelector(".api-docs .backdrop");
  backdrop?.click();
  return Boolean(backdrop);
}

document.addEventListener("click", (event) => {
  if (!/** @type {Element} */ (event.target).closest?.("[data-text=link_api]")) return;
  event.preventDefault();
  openApiView();
});

if (new URLSearchParams(location.search).get("view") === "api") openApiView();
