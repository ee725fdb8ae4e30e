// Keep the page for times without a network. Each version of the site has a cache of its own, and all open pages are of one
// version: the oldest that is kept. The newest replaces it when the only page is opened or loaded again.
/* global SITE */ // {version, files}: Python writes it before this line

const OWN = `mnist-demo ${registration.scope} `;
const ROOT = "./"; // is there once a version is complete

const versions = async () => (await caches.keys()).filter((name) => name.startsWith(OWN)); // the oldest first

async function install() {
  const own = OWN + SITE.version;
  const [shown, ...others] = await versions();
  for (const other of shown === own ? others : [...others, own]) await caches.delete(other);
  const cache = await caches.open(own);
  await cache.addAll(SITE.files.map((file) => new Request(file, { cache: "no-cache" })));
  // without skipWaiting(): in Chromium, a page that is being loaded while its worker is replaced may wait forever
}

// Return whether no page is open, or only the one that is being reloaded.
async function isAlone(request) {
  const open = await clients.matchAll({ includeUncontrolled: true });
  return open.length <= (request.isReloadNavigation ? 1 : 0);
}

async function cacheFor(request) {
  const [shown, ...newer] = await versions();
  const newest = newer.pop();
  const isDue = newest && request.mode === "navigate" && (await isAlone(request)) && (await caches.match(ROOT, { cacheName: newest }));
  if (!isDue) return caches.open(shown ?? OWN + SITE.version);
  for (const older of [shown, ...newer]) await caches.delete(older);
  return caches.open(newest);
}

async function answer(request) {
  const cache = await cacheFor(request);
  const kept = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(registration.scope)) event.respondWith(answer(request));
});
