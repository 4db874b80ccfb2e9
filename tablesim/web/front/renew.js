// Shows the page anew as the server has it now, without loading it: where the two are built alike, only what differs
// is changed, so that what is looked at, enlarged or typed stays.

// Classes that belong to the window, and are in no page of the server.
const OWN = ["chosen", "hot", "deep", "drawing"];
const KEEP = "[data-keep], [aria-live]";

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    // The tab stop, and what is chosen, belong to the window.
    if (!fresh.hasAttribute(name) && !["class", "tabindex", "hidden", "style", "aria-selected"].includes(name)) old.removeAttribute(name);
  }
  // A number that nobody corrected any more has no class.
  if (!fresh.hasAttribute("class")) old.classList.remove(...[...old.classList].filter((word) => !OWN.includes(word)));
  for (const { name, value } of fresh.attributes) {
    if (["hidden", "tabindex", "data-over", "open"].includes(name) && old.tagName !== "A") continue;
    const kept = name === "class" ? OWN.filter((word) => old.classList.contains(word)) : [];
    const wanted = [value, ...kept].filter(Boolean).join(" ");
    if (old.getAttribute(name) !== wanted) old.setAttribute(name, wanted);
  }
}

// Whether anything had to be replaced: what listens to its parts has to listen anew.
function morph(old, fresh) {
  if (old.nodeType === 1 && (old.matches(KEEP) || old.querySelector(":scope > .entry"))) return false;
  if (old.nodeType === 3) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return false;
  }
  attributes(old, fresh);
  const [kept, wanted] = [old, fresh].map((parent) => [...parent.childNodes].filter((node) => node.nodeType !== 1 || !node.matches(KEEP)));
  const alike = kept.length === wanted.length && kept.every((node, at) => node.nodeName === wanted[at].nodeName);
  if (alike) return kept.map((node, at) => morph(node, wanted[at])).some(Boolean);
  const byId = new Map(kept.filter((node) => node.id).map((node) => [node.id, node]));
  const next = wanted.map((node) => {
    const same = node.id && byId.get(node.id);
    if (!same || same.nodeName !== node.nodeName) return node;
    morph(same, node);
    return same;
  });
  for (const node of kept) if (!next.includes(node)) node.remove();
  let before = null;
  for (const node of next) {
    const place = before ? before.nextSibling : old.firstChild;
    if (place !== node) old.insertBefore(node, place);
    before = node;
  }
  return true;
}

let running = null;
let again = false;

async function renewOnce(selectors, address, take) {
  const answer = await fetch(address);
  if (!answer.ok) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const replaced = [];
  for (const selector of selectors) {
    const [old, other] = [document, fresh].map((page) => page.querySelector(selector));
    if (!old && !other) continue;
    if (!other) {
      old.remove();
      continue;
    }
    if (!old) {
      // A part that was not there before comes after the one before it.
      const before = other.previousElementSibling?.id && document.getElementById(other.previousElementSibling.id);
      if (!before) return location.reload();
      before.after(document.importNode(other, true));
      replaced.push(selector);
      continue;
    }
    if (morph(old, document.importNode(other, true))) replaced.push(selector);
  }
  take(fresh);
  dispatchEvent(new CustomEvent("tablesim:renewed", { detail: { replaced } }));
  return null;
}

// One at a time; what is asked for meanwhile is done once more afterwards.
// `take` gets the page as it is now, for what is not shown by its elements alone.
export function renew(selectors = ["header", "main"], address = location.href, take = () => {}) {
  if (running) {
    again = true;
    return running;
  }
  running = renewOnce(selectors, address, take).finally(() => {
    running = null;
    if (again) {
      again = false;
      renew(selectors, address, take);
    }
  });
  return running;
}
