// Turns the parts of the page on, each from its own data. A part that fails leaves what stands there without scripts.

function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const chart = document.getElementById("chart") ? new ManhattanChart(document.getElementById("chart"), data("points")) : null;
for (const root of document.querySelectorAll("[data-table]")) {
  const content = data(`rows-${root.dataset.table}`);
  new DataTable(root, content, chart ? (trait, region) => chart.zoomTo(trait, region) : null);
}

// What is folded is printed too.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
document.documentElement.dataset.ready = "yes";
