// Open and close Gradio's view "Use via API", from the page's foot or by ?view=api. Does not know what is in it.
// Gradio loads that view when its own button is pressed, and by the address alone shows nothing. It opens with the language
// that the address names, else with the one that fewest readers want, MCP.

async function openApiView() {
  const button = await appears("footer .show-api");
  const wanted = new URL(location);
  if (!wanted.searchParams.has("lang")) wanted.searchParams.set("lang", "python");
  history.replaceState(history.state, "", wanted);
  if (new URLSearchParams(location.search).get("view") === "api") button.click(); // which it takes to be open
  button.click();
}

// Close the view, and return whether it was open.
function closeApiView() {
  const backdrop = document.querySelector(".api-docs .backdrop");
  backdrop?.click();
  return Boolean(backdrop);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-text=link_api]")) return;
  event.preventDefault();
  openApiView();
});

if (new URLSearchParams(location.search).get("view") === "api") openApiView();
