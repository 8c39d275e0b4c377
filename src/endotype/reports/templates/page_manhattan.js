// The chart of what was tested along the genome: one trait at a time, read off by pointer or keyboard, zoomed.

const CHART = { height: 340, left: 46, right: 12, top: 22, bottom: 34, reach: 14, least: 2000 };
const INKS = { axis: "#4b5d69", even: "#3f6476", odd: "#7f99a6", hit: "#b3261e", line: "#8a979f", mark: "#14232e" };
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function pText(y) {
  if (y < 3) return String(Number((10 ** -y).toPrecision(2)));
  let exponent = Math.ceil(y), mantissa = 10 ** (exponent - y);
  if (mantissa >= 9.95) { mantissa = 1; exponent -= 1; }
  return `${mantissa.toFixed(1)} × 10⁻${[...String(exponent)].map((d) => SUPERSCRIPTS[d]).join("")}`;
}

function shortNumber(value) {
  return value === null || value === undefined ? say("not_given") : String(Number(value.toPrecision(3))).replace("-", "−");
}

function roundStep(span, wanted) {
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  return power * [1, 2, 5, 10].find((m) => span / (m * power) <= wanted);
}

// First place in a sorted array whose value isn't below ``value``.
function lowerBound(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Points of a trait as the page holds them -> arrays in the order of the genome; ``hit`` is -1 or a place in hits.
function unpackTrait(trait, scale) {
  const n = trait.points.y.length, hits = trait.hits.x ?? [];
  const points = [];
  let place = 0;
  for (let i = 0; i < n; i++) points.push([place += trait.points.dx[i], trait.points.y[i] / scale, -1]);
  hits.forEach((x, i) => points.push([x, trait.hits.y[i], i]));
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const x = Float64Array.from(points, (p) => p[0]), y = Float64Array.from(points, (p) => p[1]);
  const starts = trait.chromosomes.map(([name, start]) => ({ name, start }));
  const last = x.length ? x[x.length - 1] : 1, first = x.length ? x[0] : 0;
  const margin = 0.01 * (last - first || 1);
  return { ...trait, x, y, hit: Int32Array.from(points, (p) => p[2]), starts, first: first - margin, last: last + margin };
}

class ManhattanChart {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.canvas = root.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.readout = root.querySelector("[data-readout]");
    this.message = root.querySelector("[data-message]");
    this.unpacked = new Map();
    this.at = -1;
    this.dragging = null;
    this.controls();
    this.pointer();
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    root.hidden = false;
    this.choose(0);
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
  }

  controls() {
    const tools = this.root.querySelector(".tools");
    this.select = make("select", { name: "trait" });
    this.data.traits.forEach((trait, i) => this.select.append(make("option", { value: i, textContent: trait.label })));
    this.select.addEventListener("change", () => this.choose(Number(this.select.value)));
    this.region = make("input", { type: "text", name: "region", autocomplete: "off", spellcheck: false, placeholder: say("region_example") });
    const go = make("button", { type: "submit", textContent: say("show") });
    const form = make("form", { className: "tools" }, make("label", {}, `${say("trait")} `, this.select), make("label", {}, `${say("region")} `, this.region), go);
    form.addEventListener("submit", (event) => { event.preventDefault(); this.goTo(this.region.value); });
    const buttons = { zoom_in: () => this.zoom(0.4), zoom_out: () => this.zoom(2.5), whole_genome: () => this.reset() };
    for (const [key, action] of Object.entries(buttons)) {
      const button = make("button", { type: "button", textContent: say(key) });
      button.addEventListener("click", action);
      form.append(button);
    }
    tools.replaceWith(form);
  }

  choose(index) {
    const trait = this.data.traits[index];
    if (!this.unpacked.has(index)) this.unpacked.set(index, unpackTrait(trait, this.data.scale));
    this.trait = this.unpacked.get(index);
    this.select.value = String(index);
    this.canvas.setAttribute("aria-label", say("manhattan", { trait: trait.label }));
    this.reset();
  }

  reset() {
    this.view = [this.trait.first, this.trait.last];
    this.at = -1;
    const { n_tests, n_hits, label } = this.trait;
    this.say(say("tested", { trait: label, tested: n_tests.toLocaleString("en"), significant: n_hits.toLocaleString("en") }));
    this.draw();
  }

  say(text, message = "") {
    this.readout.textContent = text;
    this.message.textContent = message;
  }

  // ---- where things are

  place(x) {
    let i = this.trait.starts.length - 1;
    while (i > 0 && this.trait.starts[i].start >= x) i--;
    return { chrom: this.trait.starts[i].name, pos: Math.round(x - this.trait.starts[i].start), index: i };
  }

  regionText() {
    const [low, high] = this.view;
    const inside = this.seen(), { x } = this.trait;
    if (!inside.length) return say("nothing_here");
    const a = this.place(x[inside[0]]), b = this.place(x[inside[inside.length - 1]]);
    if (a.chrom !== b.chrom) return say("chromosomes_shown", { first: a.chrom, last: b.chrom });
    const start = this.trait.starts[a.index].start, show = (v) => Math.max(1, Math.round(v - start)).toLocaleString("en");
    return say("place", { chromosome: a.chrom, first: show(low), last: show(high) });
  }

  seen() {
    const { x } = this.trait, from = lowerBound(x, this.view[0]), to = lowerBound(x, this.view[1]);
    return Array.from({ length: to - from }, (_, i) => from + i);
  }

  show(low, high) {
    const { first, last } = this.trait, span = Math.min(Math.max(high - low, CHART.least), last - first);
    const start = Math.min(Math.max((low + high - span) / 2, first), last - span);
    this.view = [start, start + span];
    this.at = -1;
    this.say(say("shown_region", { region: this.regionText() }));
    this.draw();
  }

  zoom(factor) {
    const [low, high] = this.view, kept = this.at;
    const centre = kept < 0 ? (low + high) / 2 : this.trait.x[kept], half = ((high - low) * factor) / 2;
    this.show(centre - half, centre + half);
    if (kept >= 0) this.stand(kept);
  }

  goTo(text) {
    const wanted = text.replace(/[,\s]/g, ""), lower = wanted.toLowerCase();
    const { hits, leads, starts, x } = this.trait;
    const named = (list, name) => (list[name] ?? []).findIndex((value) => value !== null && value.toLowerCase() === lower);
    for (const [list, name] of [[leads, "gene"], [leads, "id"], [hits, "id"]]) {
      const i = named(list, name);
      if (i >= 0) { this.show(list.x[i] - 250000, list.x[i] + 250000); return true; }
    }
    const match = /^(?:chr)?([^:]+)(?::(\d+)(?:-(\d+))?)?$/i.exec(wanted);
    const chrom = match && starts.findIndex(({ name }) => name.replace(/^chr/i, "").toLowerCase() === match[1].toLowerCase());
    if (!match || chrom < 0) {
      this.message.textContent = say(wanted ? "not_found" : "no_region");
      return false;
    }
    const start = starts[chrom].start;
    if (match[3] !== undefined) this.show(start + Math.min(+match[2], +match[3]), start + Math.max(+match[2], +match[3]));
    else if (match[2] !== undefined) this.show(start + +match[2] - 250000, start + +match[2] + 250000);
    else {
      const inside = x.filter((value) => this.place(value).index === chrom);
      if (inside.length) this.show(inside[0], inside[inside.length - 1]);
      else this.message.textContent = say("nothing_there");
    }
    return true;
  }

  zoomTo(trait, region) {
    const index = this.data.traits.findIndex((t) => t.trait === trait);
    if (index < 0) return;
    this.choose(index);
    this.goTo(region);
    this.root.scrollIntoView({ block: "start" });
    this.canvas.focus({ preventScroll: true });
  }

  // ---- reading points

  describe(i) {
    const { hits, leads, hit, x, y } = this.trait, { chrom, pos } = this.place(x[i]), h = hit[i];
    if (h < 0) return `${chrom}:${pos.toLocaleString("en")}, p = ${pText(y[i])}${say("not_significant")}`;
    const lead = (leads.id ?? []).indexOf(hits.id[h]), gene = lead >= 0 && leads.gene[lead] ? say("gene", { gene: leads.gene[lead] }) : "";
    const effect = hits.beta ? say("effect", { beta: shortNumber(hits.beta[h]), se: shortNumber(hits.se[h]) }) : "";
    const frequency = hits.eaf ? say("frequency", { frequency: shortNumber(hits.eaf[h]) }) : "";
    return `${hits.id[h]}${gene}, p = ${pText(hits.y[h])}${effect}${frequency}`;
  }

  stand(i) {
    this.at = i;
    this.say(this.describe(i));
    this.draw();
  }

  // Points that the keyboard stops at: the significant ones in view, or the strongest fifty.
  stops() {
    const inside = this.seen(), { hit, y } = this.trait, hits = inside.filter((i) => hit[i] >= 0);
    if (hits.length) return hits;
    return inside.sort((a, b) => y[b] - y[a]).slice(0, 50).sort((a, b) => a - b);
  }

  key(event) {
    const actions = {
      ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1),
      ArrowUp: () => this.rank(-1), ArrowDown: () => this.rank(1),
      Home: () => this.jump(0), End: () => this.jump(-1),
      "+": () => this.zoom(0.4), "=": () => this.zoom(0.4), "-": () => this.zoom(2.5),
      "0": () => this.reset(), Escape: () => this.reset(),
      Enter: () => { if (this.at >= 0) { const i = this.at; this.show(this.trait.x[i] - 250000, this.trait.x[i] + 250000); this.stand(i); } },
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  step(by) {
    const stops = this.stops();
    if (!stops.length) return;
    let next = by > 0 ? stops.findIndex((i) => i > this.at) : stops.findLastIndex((i) => i < this.at);
    if (this.at < 0 || next < 0) next = by > 0 ? (this.at < 0 ? 0 : stops.length - 1) : (this.at < 0 ? stops.length - 1 : 0);
    this.stand(stops[next]);
  }

  rank(by) {
    const { y } = this.trait, stops = this.stops().sort((a, b) => y[b] - y[a]), now = stops.indexOf(this.at);
    if (stops.length) this.stand(stops[now < 0 ? 0 : Math.min(Math.max(now + by, 0), stops.length - 1)]);
  }

  jump(index) {
    const stops = this.stops();
    if (stops.length) this.stand(stops.at(index));
  }

  pointer() {
    const { canvas } = this;
    const across = (event) => event.clientX - canvas.getBoundingClientRect().left;
    canvas.addEventListener("pointermove", (event) => {
      if (this.dragging) { this.dragging.to = across(event); this.draw(); return; }
      const i = this.nearest(event);
      if (i >= 0 && i !== this.at) this.stand(i);
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const i = this.nearest(event);
      if (i >= 0) this.stand(i);
      if (event.pointerType === "touch") return;
      canvas.setPointerCapture(event.pointerId);
      this.dragging = { from: across(event), to: across(event) };
    });
    canvas.addEventListener("pointerup", () => {
      const drag = this.dragging;
      this.dragging = null;
      if (!drag) return;
      const [a, b] = [drag.from, drag.to].sort((p, q) => p - q).map((at) => this.value(at));
      if (Math.abs(drag.from - drag.to) > 8) this.show(a, b);
      else this.draw();
    });
    canvas.addEventListener("pointercancel", () => { this.dragging = null; this.draw(); });
    canvas.addEventListener("dblclick", () => this.reset());
  }

  nearest(event) {
    const box = this.canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    const { x, y } = this.trait, from = lowerBound(x, this.value(px - CHART.reach)), to = lowerBound(x, this.value(px + CHART.reach));
    let best = -1, distance = CHART.reach ** 2;
    for (let i = from; i < to; i++) {
      const d = (this.across(x[i]) - px) ** 2 + (this.up(y[i]) - py) ** 2;
      if (d < distance) { distance = d; best = i; }
    }
    return best;
  }

  // ---- drawing

  across(x) {
    const [low, high] = this.view;
    return CHART.left + ((x - low) / (high - low)) * (this.width - CHART.left - CHART.right);
  }

  value(px) {
    const [low, high] = this.view;
    return low + ((px - CHART.left) / (this.width - CHART.left - CHART.right)) * (high - low);
  }

  up(y) {
    return CHART.height - CHART.bottom - (y / this.top) * (CHART.height - CHART.bottom - CHART.top);
  }

  draw() {
    const { canvas, pen, trait } = this, ratio = window.devicePixelRatio || 1;
    this.width = canvas.parentElement.clientWidth;
    if (!this.width) return;
    canvas.width = Math.round(this.width * ratio);
    canvas.height = Math.round(CHART.height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, CHART.height);
    pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    const inside = this.seen();
    let highest = trait.threshold ?? 1;
    for (const i of inside) highest = Math.max(highest, trait.y[i]);
    this.top = highest * 1.08;
    this.axes();
    for (const i of inside) {
      const isHit = trait.hit[i] >= 0, size = isHit ? 3 : 1.7;
      pen.fillStyle = isHit ? INKS.hit : this.place(trait.x[i]).index % 2 ? INKS.odd : INKS.even;
      pen.beginPath();
      pen.arc(this.across(trait.x[i]), this.up(trait.y[i]), size, 0, 2 * Math.PI);
      pen.fill();
    }
    this.names();
    if (this.at >= 0) {
      pen.strokeStyle = INKS.mark;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(this.across(trait.x[this.at]), this.up(trait.y[this.at]), 7, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (this.dragging) {
      pen.fillStyle = "rgba(11, 79, 108, .15)";
      pen.fillRect(this.dragging.from, CHART.top, this.dragging.to - this.dragging.from, CHART.height - CHART.top - CHART.bottom);
    }
  }

  line(x1, y1, x2, y2, colour, dash = []) {
    const { pen } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
    pen.setLineDash([]);
  }

  axes() {
    const { pen, trait } = this, floor = CHART.height - CHART.bottom, right = this.width - CHART.right;
    this.line(CHART.left, CHART.top - 8, CHART.left, floor, INKS.line);
    this.line(CHART.left, floor, right, floor, INKS.line);
    pen.fillStyle = INKS.axis;
    pen.textAlign = "right";
    const step = roundStep(this.top, 6);
    for (let y = 0; y <= this.top; y += step) {
      this.line(CHART.left - 4, this.up(y), CHART.left, this.up(y), INKS.line);
      pen.fillText(String(Number(y.toPrecision(6))), CHART.left - 7, this.up(y) + 4);
    }
    pen.textAlign = "left";
    pen.fillText("−log₁₀ p", 4, 11);
    if (trait.threshold) this.line(CHART.left, this.up(trait.threshold), right, this.up(trait.threshold), INKS.hit, [5, 4]);
    pen.textAlign = "center";
    const [low, high] = this.view, a = this.place(low + 1e-6), b = this.place(high);
    if (a.index === b.index) {
      const start = trait.starts[a.index].start, unit = roundStep(high - low, Math.max(2, Math.floor(this.width / 130)));
      for (let pos = Math.ceil((low - start) / unit) * unit; pos <= high - start; pos += unit) {
        const x = this.across(start + pos);
        this.line(x, floor, x, floor + 4, INKS.line);
        if (x < right - 20) pen.fillText(Math.round(pos).toLocaleString("en"), x, floor + 16);
      }
      pen.fillText(say("position", { chromosome: trait.starts[a.index].name }), (CHART.left + right) / 2, CHART.height - 4);
      return;
    }
    let edge = -Infinity;
    for (const [name, , centre] of trait.chromosomes) {
      const x = this.across(centre), half = pen.measureText(name).width / 2;
      if (x < CHART.left || x > right || x - half < edge + 6) continue;
      edge = x + half;
      pen.fillText(name, x, floor + 16);
    }
    pen.fillText(say("chromosome"), (CHART.left + right) / 2, CHART.height - 4);
  }

  names() {
    const { pen, trait } = this, { leads } = trait, taken = [];
    pen.fillStyle = INKS.mark;
    pen.textAlign = "center";
    const order = (leads.x ?? []).map((_, i) => i).sort((a, b) => leads.y[b] - leads.y[a]);
    for (const i of order) {
      const name = (leads.gene[i] ?? leads.id[i]).slice(0, 24), half = pen.measureText(name).width / 2;
      const x = Math.min(Math.max(this.across(leads.x[i]), CHART.left + half), this.width - CHART.right - half), y = this.up(leads.y[i]) - 7;
      if (leads.x[i] < this.view[0] || leads.x[i] > this.view[1]) continue;
      if (taken.some(([tx, ty, th]) => Math.abs(tx - x) < th + half + 4 && Math.abs(ty - y) < 13)) continue;
      taken.push([x, y, half]);
      pen.fillText(name, x, y);
    }
  }
}
