// Give each network its colour, and hide the others if one is chosen.

import { build } from "./dom.js";
import { settings } from "./settings.js";

const COLOURS = 4; // --network-0 and so on of page.css, in turn

const rules = settings.networks.map(({ name }, at) => `
  #page :is(.network[data-model="${name}"], .side.${name}, .mark.${name}) { --own: var(--network-${at % COLOURS}); }
  #page [data-show="${name}"] .network:not([data-model="${name}"]), #page [data-shown="${name}"] .side:not(.${name}) { display: none; }
`);
document.head.append(build("style", "", rules.join("")));
