(function () {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const analyses = JSON.parse(byId("explorer-data").textContent);
  const form = byId("explorer-form"), box = byId("explorer");
  const pick = { analysis: byId("explorer-analysis"), effect: byId("explorer-effect"), prior: byId("explorer-prior") };
  const number = byId("explorer-number"), range = byId("explorer-range");
  const said = byId("explorer-said"), place = byId("explorer-curve");
  const SVG = "http://www.w3.org/2000/svg";
  let threshold = 0;

  const analysis = () => analyses[pick.analysis.selectedIndex];
  const effect = () => analysis().effects[pick.effect.selectedIndex];
  const curve = () => effect().curves[pick.prior.selectedIndex];

  function fill(select, names, wanted) {
    select.replaceChildren(...names.map((name) => new Option(name.label || name.key, name.key)));
    const at = names.findIndex((name) => name.key === wanted);
    select.selectedIndex = at < 0 ? 0 : at;
  }

  function fillBelow(wanted) {
    fill(pick.effect, analysis().effects, wanted.effect);
    fill(pick.prior, effect().curves, wanted.prior);
    const at = effect().at, low = at[0], high = at[at.length - 1];
    number.min = low;
    number.max = high;
    number.step = "any";
    range.min = 0;
    range.max = at.length - 1; // it counts the grid's thresholds, whose steps may differ
    byId("explorer-unit").textContent = "Threshold (" + analysis().unit + ")";
    byId("explorer-hint").textContent = "From " + shown(low) + " to " + shown(high) + ". On the slider the arrow keys move it by one step.";
    return [low, high];
  }

  function nearest(at, value) {
    let best = 0;
    for (let i = 1; i < at.length; i++) if (Math.abs(at[i] - value) < Math.abs(at[best] - value)) best = i;
    return best;
  }

  // Between two points of the curve the probability is read off the line that joins them.
  function probability() {
    const at = effect().at, above = curve().above;
    let i = at.findIndex((each) => each >= threshold - 1e-9);
    if (i < 0) i = at.length - 1;
    if (i === 0 || Math.abs(at[i] - threshold) < 1e-9) return above[i];
    return above[i - 1] + (above[i] - above[i - 1]) * (threshold - at[i - 1]) / (at[i] - at[i - 1]);
  }

  function inWords(p) {
    if (p >= 0.995 && p < 1) return "more than 0.99";
    if (p > 0 && p < 0.005) return "less than 0.01";
    return p.toFixed(2);
  }

  function shown(value) {
    const text = String(Number(value.toFixed(4)));
    const sign = analysis().signed && value > 0 ? "+" : "";
    return sign + text.replace("-", "\u2212");
  }

  // What lies above the threshold, said the other way round.
  function meaning(nothing) {
    const size = shown(Math.abs(threshold)).replace("+", "") + " " + analysis().unit;
    if (!analysis().signed || Math.abs(threshold - nothing) < 1e-9) {
      return Math.abs(threshold - nothing) < 1e-9 ? "an increase" : "";
    }
    return threshold > 0 ? "an increase of more than " + size : "not a fall of " + size + " or more";
  }

  function tell(p) {
    const own = analysis(), also = meaning(own.nothing);
    const what = "the " + effect().label + " on " + own.outcome + " is above " + shown(threshold) + " " + own.unit;
    const strong = document.createElement("strong");
    strong.id = "explorer-probability";
    strong.textContent = inWords(p);
    strong.dataset.probability = String(Number(p.toPrecision(8)));
    const after = "; " + inWords(1 - p) + " that it is not. Prior: " + curve().key + "; analysis: " + own.label + "." + own.after;
    const before = "The probability that " + what + (also ? " (" + also + ")" : "") + " is ";
    said.replaceChildren(own.mark ? own.mark + " " : "", before, strong, after);
  }

  function draw(p) {
    const width = Math.max(260, place.clientWidth), height = Math.round(Math.min(320, 140 + width / 4));
    const edge = { left: 44, right: 14, top: 14, bottom: 44 };
    const grid = effect().at, low = grid[0], high = grid[grid.length - 1];
    const x = (value) => edge.left + (width - edge.left - edge.right) * (value - low) / (high - low);
    const y = (value) => height - edge.bottom - (height - edge.top - edge.bottom) * value;
    const svg = document.createElementNS(SVG, "svg");
    const add = (name, marks, text) => {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(marks)) made.setAttribute(key, value);
      if (text !== undefined) made.textContent = text;
      svg.append(made);
    };
    const label = { "font-family": "system-ui, sans-serif", "font-size": "12", fill: "#1b1f24" };
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "Curve of the probability that the effect is above each threshold, from " + shown(low) + " to " + shown(high) + " " + analysis().unit + ", with a point at the one chosen." + (analysis().mark ? " " + analysis().mark : ""));
    for (const at of [0, 0.25, 0.5, 0.75, 1]) {
      add("line", { x1: edge.left, x2: width - edge.right, y1: y(at), y2: y(at), stroke: "#d0d7de" });
      add("text", { ...label, x: edge.left - 6, y: y(at) + 4, "text-anchor": "end" }, String(at));
    }
    for (const at of ticks(low, high, width < 420 ? 5 : 9)) {
      add("line", { x1: x(at), x2: x(at), y1: height - edge.bottom, y2: height - edge.bottom + 5, stroke: "#1b1f24" });
      add("text", { ...label, x: x(at), y: height - edge.bottom + 18, "text-anchor": "middle" }, shown(at));
    }
    add("text", { ...label, x: (edge.left + width - edge.right) / 2, y: height - 8, "text-anchor": "middle" }, "Threshold (" + analysis().unit + ")");
    for (const other of effect().curves) {
      const chosen = other === curve();
      const path = other.above.map((p, i) => (i ? "L" : "M") + x(grid[i]).toFixed(1) + " " + y(p).toFixed(1)).join("");
      add("path", { d: path, fill: "none", stroke: chosen ? "#1b1f24" : "#6e7781", "stroke-width": chosen ? 2.5 : 1, "stroke-dasharray": chosen ? "none" : "4 3" });
    }
    const at = x(threshold);
    add("line", { x1: at, x2: at, y1: y(p), y2: height - edge.bottom, stroke: "#0b4f8a", "stroke-dasharray": "2 2" });
    add("line", { x1: edge.left, x2: at, y1: y(p), y2: y(p), stroke: "#0b4f8a", "stroke-dasharray": "2 2" });
    add("circle", { cx: at, cy: y(p), r: 6, fill: "#0b4f8a", stroke: "#ffffff", "stroke-width": 2 });
    if (analysis().mark) {
      add("text", { ...label, x: width - edge.right - 4, y: edge.top + 14, "text-anchor": "end", fill: "#9a1b1b", "font-weight": "600" }, analysis().mark);
    }
    place.replaceChildren(svg);
  }

  function ticks(low, high, most) {
    const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) found.push(Number((i * step).toPrecision(10)));
    return found;
  }

  function show(wanted) {
    const [low, high] = fillBelow(wanted);
    threshold = Math.min(high, Math.max(low, threshold));
    range.value = nearest(effect().at, threshold);
    if (document.activeElement !== number) number.value = threshold;
    range.setAttribute("aria-valuetext", shown(threshold) + " " + analysis().unit);
    box.classList.toggle("synthetic", analysis().evidence === "synthetic");
    const p = probability();
    tell(p);
    draw(p);
  }

  const chosen = () => ({ effect: pick.effect.value, prior: pick.prior.value });

  function moved() {
    show(chosen());
    const state = new URLSearchParams({ analysis: pick.analysis.value, ...chosen(), threshold: String(threshold) });
    history.replaceState(null, "", "#explore?" + state);
  }

  function restore() {
    if (!location.hash.startsWith("#explore?")) return false;
    const state = new URLSearchParams(location.hash.slice("#explore?".length));
    fill(pick.analysis, analyses, state.get("analysis"));
    const asked = Number(state.get("threshold"));
    threshold = Number.isFinite(asked) ? asked : analysis().nothing;
    number.value = threshold;
    show({ effect: state.get("effect"), prior: state.get("prior") });
    box.scrollIntoView();
    return true;
  }

  form.hidden = false;
  byId("explorer-table").open = false;
  if (!restore()) {
    fill(pick.analysis, analyses);
    threshold = analysis().nothing;
    show({});
  }
  pick.analysis.addEventListener("input", () => {
    threshold = analysis().nothing; // another scale may have another zero
    number.value = threshold;
    moved();
  });
  pick.effect.addEventListener("input", moved);
  pick.prior.addEventListener("input", moved);
  range.addEventListener("input", () => {
    threshold = effect().at[Number(range.value)];
    number.value = threshold;
    moved();
  });
  number.addEventListener("input", () => {
    const asked = number.valueAsNumber, good = Number.isFinite(asked) && number.validity.valid;
    number.setAttribute("aria-invalid", String(!good));
    if (!good) return;
    threshold = asked;
    moved();
  });
  number.addEventListener("blur", () => {
    number.setAttribute("aria-invalid", "false");
    number.value = threshold;
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", restore);
  window.addEventListener("resize", () => draw(probability()));
})();
