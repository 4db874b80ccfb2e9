// What is looked at stands in the address, so that it can be cited and is the same when it is loaded again.
export const asked = () => new URLSearchParams(location.search);

// Sets values of the address; null and "" leave one out. What stands behind "#" stays.
export function keep(values) {
  const all = asked();
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") all.delete(name);
    else all.set(name, value);
  }
  const words = all.toString();
  history.replaceState(null, "", `${location.pathname}${words ? `?${words}` : ""}${location.hash}`);
}

// The middle of a window on a scan, in pixels of the scan, and its scale, as an address has them; and back.
export const viewOf = ({ middle, scale }) => [...middle.map(Math.round), scale.toFixed(3)].join(",");
export function viewAsked() {
  const numbers = (asked().get("view") || "").split(",").map(Number);
  return numbers.length === 3 && numbers.every(Number.isFinite) && numbers[2] > 0 ? numbers : null;
}
