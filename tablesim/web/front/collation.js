// A collation: what is printed above its columns and before its rows comes after the figures; it is shown anew in place.
import { tried } from "./bar.js";
import { renew } from "./renew.js";

export function start() {
  const here = new URL(location.href);
  if (here.searchParams.has("wait")) {
    here.searchParams.delete("wait");
    history.replaceState(null, "", here);
  }
  here.searchParams.set("words", "yes");
  here.searchParams.set("wait", "yes");
  const refresh = () => tried(() => renew(["header", "main"], here.href));
  if (document.body.dataset.words === "no") refresh();
  return refresh;
}
