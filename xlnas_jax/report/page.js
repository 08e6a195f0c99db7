"use strict";
// Draws every chart in its place, again when the colours of the system change, and
// keeps what is pointed at marked in all of them.
(() => {
  const ERRORS_ALONE = 1;
  const drawn = JSON.parse(document.getElementById("drawn").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const places = [...document.querySelectorAll("[data-figure]")];
  const networks = new Map(drawn.data.networks.map((row) => [row.key, row]));
  const views = new Map();
  const chosen = new Map(places.map((place) => [place.dataset.figure, {}]));
  let pinned = "";

  const painted = (value, palette) => {
    if (Array.isArray(value)) return value.map((one) => painted(one, palette));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, one]) => {
        const isName = typeof one === "string" || Array.isArray(one);
        const stays = isName && drawn.unpainted.includes(name);
        return [name, stays ? one : painted(one, palette)];
      }));
    }
    if (typeof value === "string" && value.startsWith("@")) return palette[value.slice(1)];
    return value;
  };

  const draw = async (place) => {
    const name = place.dataset.figure;
    const palette = drawn.palettes[dark.matches ? "dark" : "light"];
    const chart = painted(drawn.charts[name], palette);
    chart.datasets = Object.fromEntries(drawn.uses[name].map((one) => [one, drawn.data[one]]));
    if (!("facet" in chart) && !("width" in chart)) {
      chart.width = "container";
      chart.autosize = { type: "fit-x", contains: "padding" };
    }
    for (const one of chart.params || []) {
      if (one.name in chosen.get(name)) one.value = chosen.get(name)[one.name];
    }
    const box = place.querySelector(".chart");
    const options = {
      actions: false, renderer: "svg", mode: "vega-lite", config: painted(drawn.config, palette),
      // Vega warns of lines that there are none of, where an axis has no limit.
      logLevel: ERRORS_ALONE,
    };
    const result = await vegaEmbed(box, chart, options);
    box.classList.add("ready");
    views.set(name, result.view);
    result.view.addEventListener("pointerover", (event, item) => point(keyOf(item)));
    result.view.addEventListener("pointerout", () => point(""));
    result.view.addEventListener("click", (event, item) => pin(keyOf(item)));
  };

  // A line is of many networks, and would be taken for its first.
  const keyOf = (item) => {
    if (!item || !item.datum || ["line", "area"].includes(item.mark.marktype)) return "";
    return item.datum.key || "";
  };

  const set = (name, signal, value) => {
    chosen.get(name)[signal] = value;
    const view = views.get(name);
    if (!view) return Promise.resolve();
    const has = drawn.charts[name].params || [];
    if (!has.some((one) => one.name === signal)) return Promise.resolve();
    return view.signal(signal, value).runAsync();
  };

  const mark = (key) => {
    for (const place of places) {
      const name = place.dataset.figure;
      if (name !== "network" && chosen.get(name).lit !== key) set(name, "lit", key);
    }
    for (const row of document.querySelectorAll("tr[data-key]")) {
      row.classList.toggle("lit", row.dataset.key === key);
    }
  };

  const show = (key) => {
    const row = networks.get(key);
    const name = document.getElementById("pointed-name");
    if (!row || !name) return;
    name.textContent = [...new Set([row.name, row.id])].filter(Boolean).join(" · ");
    document.getElementById("pointed-told").textContent = `${row.kind}, ${row.weights}. ${row.told}.`;
    const list = document.getElementById("pointed-values");
    list.replaceChildren(...Object.entries(row.values).map(([what, value]) => {
      const pair = document.createElement("div");
      const [term, number] = ["dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = what;
      number.textContent = Math.abs(value) >= 1000
        ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
      pair.append(term, number);
      return pair;
    }));
    set("network", "shown", key);
  };

  const point = (key) => {
    const now = key || pinned;
    mark(now);
    if (now) show(now);
  };

  const pin = (key) => {
    pinned = key === pinned ? "" : key;
    point(pinned);
  };

  for (const place of places) {
    for (const menu of place.querySelectorAll("select")) {
      // A browser that goes back keeps what was chosen, the charts begin anew.
      menu.value = [...menu.options].find((one) => one.defaultSelected)?.value ?? menu.value;
      menu.addEventListener("change", () => set(place.dataset.figure, menu.dataset.signal, menu.value));
    }
  }
  for (const row of document.querySelectorAll("tr[data-key]")) {
    row.addEventListener("pointerenter", () => point(row.dataset.key));
    row.addEventListener("pointerleave", () => point(""));
    row.addEventListener("click", () => pin(row.dataset.key));
  }

  const all = async () => {
    for (const place of places) await draw(place);
    const first = drawn.data.networks.find((row) => row.picks.includes("best"));
    if (first && !pinned) show(first.key);
    document.documentElement.dataset.drawn = "true";
  };
  dark.addEventListener("change", all);
  window.xlnas = { views, set, point, pin };
  all();
})();
