// The page: the pad, and the lenses beside it. Each module starts its own part.

import "./colours.js";
import "./foot.js";
import "./lenses/inside/inside.js";
import "./lenses/learn/learn.js";
import "./lenses/read/gallery.js";
import "./lenses/read/live.js";
import "./lenses/report/report.js";
import "./programs.js";
