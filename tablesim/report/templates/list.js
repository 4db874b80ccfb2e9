// A list of a report: its rows come from script files (tablesim.add), since a browser reads no other data from a disk.
// Sorts, filters and searches; what is asked stands in the address: pages.html#search=sine&place=Paris&sort=-year.
"use strict";
const tablesim = (() => {
  const words = {
    shown: (from, to, n, all) => n === all ? say("{from}–{to} of {all}", { from, to, all }) : say("{from}–{to} of {n} found, {all} in all", { from, to, n, all }),
    none: (all) => say("nothing found, of {all} in all", { all }),
    loading: (done, parts) => say("reading part {done} of {parts} …", { done, parts }),
    leaf: (leaf, leaves) => say("{n} of {m}", { n: leaf, m: leaves }),
    lost: (name) => say("{file} could not be read; is it beside this page?", { file: name }),
  };
  const lists = new Map();

  // Called by the script files.
  function add(name, part, rows) {
    const list = lists.get(name);
    list.parts[part] = rows;
  }

  // All rows of a list, part after part.
  async function load(name, onPart = () => {}) {
    const config = JSON.parse(document.getElementById(`list-${name}`).textContent);
    const list = { config, parts: [] };
    lists.set(name, list);
    for (let part = 0; part < config.parts; part += 1) {
      await new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = `data/${name}-${part}.js`;
        script.addEventListener("load", done);
        script.addEventListener("error", () => failed(new Error(words.lost(script.getAttribute("src")))));
        document.head.append(script);
      });
      onPart(part + 1, config.parts);
    }
    const at = Object.fromEntries(config.columns.map((column, index) => [column.name, index]));
    return { config, at, rows: list.parts.flat() };
  }

  const plain = (value) => value === null ? "" : Array.isArray(value) ? String(value[0]) : String(value);
  // As it is shown: rows and addresses have the English of what is said in every language.
  const shown = (column, value) => column.said && value !== null ? say(value) : plain(value);
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function cell(column, value) {
    const td = document.createElement("td");
    if (column.kind === "number") td.className = "n";
    if (value === null) return td;
    if (column.kind === "link") {
      const a = document.createElement("a");
      a.href = value[1];
      a.textContent = value[0];
      td.append(a);
    } else if (column.kind === "picture") {
      const img = document.createElement("img");
      [img.src, img.width, img.height, img.alt, img.loading] = [value[0], value[1], value[2], "", "lazy"];
      td.append(img);
    } else td.textContent = shown(column, value);
    return td;
  }

  // A field of CSV; spreadsheets take what begins with a sign for a formula.
  function field(text) {
    const safe = /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !/^[+-]?[\d.,·]+$/.test(text)) ? `'${text}` : text;
    return /[",\n\r;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function download(name, lines) {
    const text = lines.map((line) => line.map(field).join(",")).join("\r\n");
    const link = document.createElement("a");
    // The mark in front tells spreadsheets that it is UTF-8.
    link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function show(section) {
    const name = section.dataset.list;
    const asks = section.querySelector(".asks");
    const reads = section.querySelector(".reads");
    const body = section.querySelector("tbody");
    const leaves = section.querySelector(".leaves");
    const { config, at, rows } = await load(name, (done, parts) => { reads.textContent = words.loading(done, parts); });
    const visible = config.columns.filter((column) => column.title || column.kind === "picture");
    const searched = rows.map((row) => fold(row.map((value, index) => shown(config.columns[index], value)).join(" ")));
    // The first and the last year of a row; an end that is open is null.
    const span = (row) => at.year === undefined ? [row[at.first], row[at.last]] : row[at.year] ? row[at.year].slice(1, 3) : [null, null];
    let [found, leaf, sort] = [rows, 0, ""];

    for (const select of asks.querySelectorAll("select")) {
      const counts = new Map();
      for (const row of rows) {
        const value = plain(row[at[select.name]]);
        if (value) counts.set(value, (counts.get(value) || 0) + 1);
      }
      // A menu of the commonest: search finds the others, and a dozen menus of all shelf marks would slow the page.
      const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 300);
      for (const [value, n] of common.sort((a, b) => collator.compare(a[0], b[0]))) {
        const option = document.createElement("option");
        [option.value, option.textContent] = [value, `${shown(config.columns[at[select.name]], value)} (${n})`];
        select.append(option);
      }
    }

    // What is asked, from the form and from the address: columns without a menu can be asked for in the address.
    let fixed = {};
    function asked() {
      const all = { ...fixed };
      for (const input of asks.elements) if (input.name && input.value.trim()) all[input.name] = input.value.trim();
      return all;
    }
    function fits(row, index, { search, from, to, ...columns }) {
      if (search && !fold(search).split(/\s+/).every((word) => searched[index].includes(word))) return false;
      if (from || to) {  // as YearRange.overlaps does
        const [first, last] = span(row);
        if (first === null && last === null) return false;
        if (from && last !== null && last < Number(from)) return false;
        if (to && first !== null && first > Number(to)) return false;
      }
      return Object.entries(columns).every(([column, value]) => at[column] === undefined || plain(row[at[column]]) === value);
    }
    function paint() {
      const n = Math.max(1, Math.ceil(found.length / config.shown));
      leaf = Math.min(Math.max(leaf, 0), n - 1);
      const from = leaf * config.shown;
      const part = found.slice(from, from + config.shown);
      body.replaceChildren(...part.map((row) => {
        const tr = document.createElement("tr");
        for (const column of visible) tr.append(cell(column, row[at[column.name]]));
        // What the workbench needs to take a line back.
        if (at.undo !== undefined && row[at.undo]) tr.dataset.undo = row[at.undo];
        return tr;
      }));
      section.dispatchEvent(new Event("painted"));
      reads.textContent = found.length ? words.shown(from + 1, from + part.length, found.length, rows.length) : words.none(rows.length);
      leaves.hidden = n === 1;
      leaves.querySelector("output").textContent = words.leaf(leaf + 1, n);
      leaves.querySelector("[data-leaf='-1']").disabled = leaf === 0;
      leaves.querySelector("[data-leaf='1']").disabled = leaf === n - 1;
    }
    function order() {
      for (const th of section.querySelectorAll("th[data-column]")) {
        const own = sort.replace(/^-/, "") === th.dataset.column;
        th.setAttribute("aria-sort", own ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
      }
      if (!sort) return;
      const column = config.columns[at[sort.replace(/^-/, "")]];
      if (!column) return;
      const index = at[column.name];
      const sign = sort.startsWith("-") ? -1 : 1;
      const empty = (row) => row[index] === null;
      const compare = column.kind === "number" ? (a, b) => a[index] - b[index] : column.kind === "date" ? (a, b) => a[index][3] - b[index][3] : (a, b) => collator.compare(plain(a[index]), plain(b[index]));
      // What is blank comes last, whichever way the others go.
      found = [...found].sort((a, b) => empty(a) - empty(b) || (empty(a) ? 0 : sign * compare(a, b)));
    }
    function ask(address = true) {
      const all = asked();
      found = rows.filter((row, index) => fits(row, index, all));
      order();
      paint();
      section.dataset.asked = all.search || "";
      if (!address) return;
      const words = new URLSearchParams({ ...all, ...(sort && { sort }), ...(leaf && { leaf: leaf + 1 }) });
      history.replaceState(null, "", `#${words}`);
    }
    function fromAddress() {
      const { sort: by = "", leaf: number = 1, ...all } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
      [sort, leaf, fixed] = [by, Number(number) - 1, {}];
      for (const input of asks.elements) if (input.name) input.value = all[input.name] ?? "";
      // A value that no menu offers stays asked for.
      for (const [column, value] of Object.entries(all)) if (!asks.elements[column]?.value) fixed[column] = value;
      ask(false);
    }

    for (const th of section.querySelectorAll("th[data-column]")) {
      const button = document.createElement("button");
      [button.type, button.textContent] = ["button", th.textContent];
      th.replaceChildren(button);
      button.addEventListener("click", () => {
        const own = th.dataset.column;
        sort = sort === own ? `-${own}` : own;
        leaf = 0;
        ask();
      });
    }
    asks.addEventListener("input", () => { leaf = 0; ask(); });
    asks.addEventListener("submit", (event) => event.preventDefault());
    asks.querySelector("[data-clear]").addEventListener("click", () => {
      asks.reset();
      [fixed, sort, leaf] = [{}, "", 0];
      ask();
      asks.querySelector("input").focus();
    });
    asks.querySelector("[data-download]").addEventListener("click", () => {
      const columns = config.columns.filter((column) => column.title);
      download(`${name}.csv`, [columns.map((column) => column.title), ...found.map((row) => columns.map((column) => shown(column, row[at[column.name]])))]);
    });
    for (const button of leaves.querySelectorAll("button")) {
      button.addEventListener("click", () => {
        leaf += Number(button.dataset.leaf);
        ask();
        section.scrollIntoView();
      });
    }
    addEventListener("hashchange", fromAddress);
    asks.hidden = false;
    fromAddress();
    section.dataset.ready = "";
  }

  return { add, load, show, download, plain, shown, fold };
})();

for (const section of document.querySelectorAll("[data-list]")) {
  tablesim.show(section).catch((error) => { section.querySelector(".reads").textContent = error.message; });
}
