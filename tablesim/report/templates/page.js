// The page of a page: the table and the scan beside it say the same number; what was read can be laid over the scan.
"use strict";
(() => {
  const all = (part, selector) => [...part.querySelectorAll(selector)];
  const words = {
    place: (cell) => {
      const [, table, row, column] = cell.id.match(/^t(\d+)r(\d+)c(\d+)$/) || [];
      if (!table) return `${say("Outside tables:")} `;
      const several = document.querySelectorAll("[data-table]").length > 1;
      return `${several ? say("table {table}, row {row}, column {column}:", { table, row, column }) : say("row {row}, column {column}:", { row, column })} `;
    },
    copied: say("copied"), marked: say("marked: copy it with the keyboard"),
  };
  for (const controls of all(document, ".controls")) controls.hidden = false;

  // The workbench changes the page while it is shown, and says so: then the parts are listened to anew.
  let life = new AbortController();
  function begin(event) {
    const desk = document.querySelector(".desk");
    life.abort();
    life = new AbortController();
    if (desk) scanAndTable(desk, life.signal, Boolean(event));
  }
  begin();
  addEventListener("tablesim:renewed", begin);

  function scanAndTable(desk, signal, renewed) {
    const svg = desk.querySelector("svg");
    const scroller = desk.querySelector(".leaf .scroller");
    const boxes = all(svg, ".over rect");
    const cells = all(desk, "td[id], [data-loose]");
    const reads = document.querySelector("#scan .reads");
    const at = new Map(cells.map((cell, index) => [cell, index]));
    let chosen = null;
    let stop = cells[0] || null;

    const figures = () => {
      svg.querySelector(".figures")?.remove();
      const group = document.createElementNS(svg.namespaceURI, "g");
      group.setAttribute("class", "figures");
      group.setAttribute("data-keep", "");
      boxes.forEach((box, index) => {
        const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
        const text = document.createElementNS(svg.namespaceURI, "text");
        for (const [name, value] of Object.entries({ x, y: y + 0.86 * h, textLength: w, lengthAdjust: "spacingAndGlyphs", "font-size": 1.15 * h })) text.setAttribute(name, value);
        text.setAttribute("class", cells[index].className);
        text.textContent = cells[index].textContent;
        group.append(text);
      });
      svg.append(group);
    };
    function mark(index, on) {
      boxes[index]?.classList.toggle("hot", on);
      cells[index]?.classList.toggle("chosen", on);
    }
    function choose(cell, { focus = false, address = true } = {}) {
      if (chosen) mark(at.get(chosen), false);
      if (stop) stop.tabIndex = -1;
      chosen = stop = cell;
      const index = at.get(cell);
      mark(index, true);
      cell.tabIndex = 0;
      if (focus) cell.focus({ preventScroll: true });
      const [outer, inner] = [scroller, boxes[index]].map((part) => part.getBoundingClientRect());
      scroller.scrollBy({ behavior: "instant", left: inner.left + inner.width / 2 - outer.left - outer.width / 2, top: inner.top + inner.height / 2 - outer.top - outer.height / 2 });
      const wrap = cell.closest(".grid-wrap");
      if (wrap) {
        const [frame, own] = [wrap, cell].map((part) => part.getBoundingClientRect());
        wrap.scrollBy({ behavior: "instant", left: own.left + own.width / 2 - frame.left - frame.width / 2, top: own.top + own.height / 2 - frame.top - frame.height / 2 });
      }
      const b = document.createElement("b");
      b.textContent = cell.textContent;
      reads.replaceChildren(words.place(cell), b, cell.title ? ` (${cell.title})` : "");
      if (address && cell.id) history.replaceState(null, "", `#${cell.id}`);
      dispatchEvent(new CustomEvent("tablesim:chosen", { detail: { cell, box: boxes[index] } }));
    }
    boxes.forEach((box, index) => box.addEventListener("click", () => choose(cells[index], { focus: true }), { signal }));
    if (stop) stop.tabIndex = 0;
    desk.querySelector(".tables").addEventListener("click", (event) => {
      const cell = event.target.closest("td[id], [data-loose]");
      if (cell) choose(cell, { focus: true });
    }, { signal });
    desk.querySelector(".tables").addEventListener("keydown", (event) => {
      const cell = event.target.closest("td[id], [data-loose]");
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      const beside = (step) => cells[at.get(cell) + step];
      const above = (step) => {
        if (!cell.id) return beside(step);
        for (let row = cell.parentNode; (row = step > 0 ? row.nextElementSibling : row.previousElementSibling);) {
          if (row.cells[cell.cellIndex]?.id) return row.cells[cell.cellIndex];
        }
        return null;
      };
      const next = { ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), ArrowUp: () => above(-1), ArrowDown: () => above(1), Home: () => cells[0], End: () => cells.at(-1) }[event.key];
      if (!next) return;
      event.preventDefault();
      const found = next();
      if (found) choose(found, { focus: true });
    }, { signal });
    for (const radio of all(document, "input[name=over]")) {
      radio.addEventListener("change", () => {
        if (radio.value === "figures") figures();
        desk.dataset.over = radio.value;
      }, { signal });
      if (radio.checked && radio.value === "figures") figures();
    }
    for (const button of all(document, "[data-enlarge]")) {
      button.addEventListener("click", () => {
        for (const other of all(document, "[data-enlarge]")) other.setAttribute("aria-pressed", String(other === button));
        svg.dataset.zoom = button.dataset.enlarge;
        if (chosen) choose(chosen, { address: false });
      }, { signal });
    }
    for (const button of all(document, "[data-next-doubt]")) {
      button.addEventListener("click", () => {
        const doubtful = cells.filter((cell) => cell.classList.contains("d"));
        const after = doubtful.find((cell) => at.get(cell) > (chosen ? at.get(chosen) : -1)) || doubtful[0];
        if (after) choose(after);
      }, { signal });
    }
    const fromAddress = () => {
      const cell = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!at.has(cell)) return;
      if (!renewed) document.getElementById("scan").scrollIntoView({ behavior: "instant" });
      // A number that is typed over keeps what is typed.
      choose(cell, { address: false, focus: renewed && document.activeElement === document.body });
    };
    addEventListener("hashchange", fromAddress, { signal });
    fromAddress();
  }

  // The table as it stands, a line a row; several tables with a blank line between them.
  for (const button of all(document, "button[data-csv]")) {
    button.addEventListener("click", () => {
      const lines = [];
      for (const table of all(document, "[data-table]")) {
        if (lines.length) lines.push([""]);
        for (const row of all(table, "tbody tr")) lines.push(all(row, "td").map((cell) => cell.textContent));
      }
      const field = (text) => {
        const safe = /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !/^[+-]?[\d.,·]+$/.test(text)) ? `'${text}` : text;
        return /[",\n\r;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
      };
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", lines.map((line) => line.map(field).join(",")).join("\r\n"), "\r\n"], { type: "text/csv" }));
      link.download = `${button.dataset.csv}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
  for (const button of all(document, "button[data-copy]")) {
    const said = button.parentNode.querySelector("output");
    button.addEventListener("click", async () => {
      const part = document.getElementById(button.dataset.copy);
      const text = part ? part.textContent : location.href;
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = words.copied;
      } catch {
        if (part) getSelection().selectAllChildren(part);
        said.textContent = part ? words.marked : text;
      }
    });
  }
  // Alt with an arrow is the browser's own; "," and "." go to the page before and after.
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = { ",": "prev", ".": "next" }[event.key];
    const link = way && document.querySelector(`[data-walk=${way}]`);
    if (link) link.click();
  });
})();
