// Tables that can be searched, sorted and filtered. All rows are data; only one page of them is in the document.

const LINKS = /^(#[a-z0-9-]+|(\.\.\/)?([A-Za-z0-9][\w.-]*\/)*[A-Za-z0-9][\w.-]*)$/;
const SVG = "http://www.w3.org/2000/svg";

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function dot(colour) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "dot");
  picture.setAttribute("viewBox", "0 0 10 10");
  picture.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of [["cx", 5], ["cy", 5], ["r", 5], ["fill", colour]]) circle.setAttribute(name, value);
  picture.append(circle);
  return picture;
}

// A cell as the template draws it too. Text goes into text nodes only, so that it can't become anything else.
function tableCell(cell, column, isFirst, onZoom) {
  const td = document.createElement(isFirst ? "th" : "td");
  if (isFirst) td.scope = "row";
  if (column.numeric) td.className = "num right";
  const parts = [];
  if (cell.d) parts.push(dot(cell.d));
  if (cell.t) {
    const text = column.code ? make("span", { className: "code", textContent: cell.t }) : cell.t;
    parts.push(cell.h && LINKS.test(cell.h) ? make("a", { href: cell.h }, text) : text);
  }
  if (cell.n) parts.push(make("span", { className: "muted", textContent: cell.n }));
  if (cell.c) parts.push(make("span", { className: `chip ${cell.c.replace(/[^a-z]/g, "-")}`, textContent: cell.w ?? cell.c }));
  if (cell.z && onZoom) {
    const button = make("button", { type: "button", className: "quiet", textContent: say("in_chart") });
    button.addEventListener("click", () => onZoom(...cell.z));
    parts.push(button);
  }
  parts.forEach((part, i) => td.append(...(i ? [" ", part] : [part])));
  return td;
}

class DataTable {
  constructor(root, data, onZoom = null) {
    this.root = root;
    this.data = data;
    this.onZoom = onZoom;
    this.table = root.querySelector("table");
    this.body = this.table.tBodies[0];
    this.status = root.querySelector("[role=status]");
    this.empty = make("p", { className: "none", hidden: true, textContent: say("no_rows", { rows: data.noun }) });
    this.haystack = null;
    this.sort = { column: data.sorted_by, up: true };
    this.query = "";
    this.chosen = new Map();
    this.page = 0;
    this.order = Uint32Array.from({ length: data.n }, (_, i) => i);
    this.heads();
    this.controls();
    this.pager();
    this.table.closest(".scroll").after(this.empty);
    this.update();
  }

  heads() {
    this.headings = [...this.table.tHead.rows[0].cells];
    this.headings.forEach((th, i) => {
      const button = make("button", { type: "button", className: "sort" }, ...th.childNodes);
      button.addEventListener("click", () => this.sortBy(i));
      th.append(button);
    });
  }

  controls() {
    const tools = this.root.querySelector(".tools");
    const search = make("input", { type: "search", name: "search", autocomplete: "off", spellcheck: false });
    search.addEventListener("input", () => { this.query = search.value; this.restart(); });
    tools.append(make("label", {}, `${say("search")} `, search));
    const selects = [];
    this.data.columns.forEach((column, i) => {
      if (!column.choice) return;
      const select = make("select", { name: `column-${i}` }, make("option", { value: "", textContent: say("all") }));
      for (const group of column.groups) select.append(make("option", { value: group, textContent: group }));
      select.addEventListener("change", () => {
        if (select.value) this.chosen.set(i, select.value);
        else this.chosen.delete(i);
        this.restart();
      });
      selects.push(select);
      tools.append(make("label", {}, `${column.choice} `, select));
    });
    const reset = make("button", { type: "button", textContent: say("show_all") });
    reset.addEventListener("click", () => {
      search.value = this.query = "";
      for (const select of selects) select.value = "";
      this.chosen.clear();
      this.sort = { column: this.data.sorted_by, up: true };
      this.restart();
    });
    tools.append(reset);
    tools.hidden = false;
  }

  pager() {
    this.previous = make("button", { type: "button", textContent: say("previous") });
    this.next = make("button", { type: "button", textContent: say("next") });
    this.previous.addEventListener("click", () => this.turn(-1));
    this.next.addEventListener("click", () => this.turn(1));
    this.turner = make("p", { className: "tools pager" }, this.previous, this.next);
    this.root.append(this.turner);
  }

  turn(by) {
    this.page += by;
    this.draw();
    this.root.scrollIntoView({ block: "start" });
  }

  restart() {
    this.page = 0;
    this.update();
  }

  sortBy(column) {
    this.sort = { column, up: this.sort.column === column ? !this.sort.up : true };
    this.restart();
  }

  texts() {
    const lower = this.data.columns.map((column) =>
      column.cells.map((cell) => [cell.t, cell.n, cell.w ?? cell.c].filter(Boolean).join(" ").toLowerCase()));
    const rows = this.data.columns.map((column) => column.rows);
    return Array.from({ length: this.data.n }, (_, i) => rows.map((of, j) => lower[j][of[i]]).join("\n"));
  }

  update() {
    const { columns, n } = this.data;
    const wanted = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    if (wanted.length) this.haystack ??= this.texts();
    const filters = [...this.chosen].map(([i, group]) => [columns[i].rows, columns[i].cells.map((c) => c.g === group)]);
    const found = [];
    for (let i = 0; i < n; i++) {
      if (filters.every(([rows, fits]) => fits[rows[i]]) && wanted.every((word) => this.haystack[i].includes(word))) {
        found.push(i);
      }
    }
    const { column, up } = this.sort;
    if (column >= 0) {
      const { rows, cells } = columns[column];
      const rank = cells.map((cell) => cell.k ?? null);
      // Rows without a value are last in both directions; equals stay in their first order.
      found.sort((a, b) => {
        const x = rank[rows[a]], y = rank[rows[b]];
        if (x === y) return a - b;
        if (x === null || y === null) return x === null ? 1 : -1;
        return up ? x - y : y - x;
      });
    }
    this.order = found;
    this.draw();
  }

  draw() {
    const { columns, per_page, noun, n } = this.data;
    const first = this.page * per_page, shown = this.order.slice(first, first + per_page);
    this.body.replaceChildren(...shown.map((row) => {
      const cells = columns.map((column, j) => tableCell(column.cells[column.rows[row]], column, j === 0, this.onZoom));
      return make("tr", {}, ...cells);
    }));
    this.headings.forEach((th, i) => {
      if (i === this.sort.column) th.setAttribute("aria-sort", this.sort.up ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    });
    const count = this.order.length.toLocaleString("en"), all = n.toLocaleString("en");
    const from = (first + 1).toLocaleString("en"), last = (first + shown.length).toLocaleString("en");
    const range = say(shown.length ? "shown" : "none_shown", { first: from, last, count, rows: noun });
    this.status.textContent = range + (this.order.length === n ? "" : say("chosen", { all }));
    this.empty.hidden = shown.length > 0;
    this.previous.disabled = this.page === 0;
    this.next.disabled = first + per_page >= this.order.length;
    this.turner.hidden = n <= per_page;
  }
}
