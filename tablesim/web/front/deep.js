// OpenSeadragon over the tiles of a scan: loaded when it is needed, and where things of the page lie in its window.
import { make } from "./dom.js";
import { toSource } from "./geometry.js";
import { ask } from "./talk.js";

let loading = null;
function openSeadragon() {
  loading ??= new Promise((resolve, reject) => {
    // It would add a style of its own, which the pages do not allow; what that says is in workbench.css.
    const none = document.createElementNS("urn:none", "style");
    none.setAttribute("data-openseadragon-mobile-css", "");
    document.head.append(none);
    const src = new URL("vendor/openseadragon/openseadragon.min.js", import.meta.url);
    document.head.append(make("script", { src, onload: () => resolve(window.OpenSeadragon), onerror: () => reject(new Error(String(src))) }));
  });
  return loading;
}

export const tilesOf = (page, { width, height, levels, tile, sha256 }) => ({
  width, height, tileSize: tile, tileOverlap: 0, minLevel: 0, maxLevel: levels - 1,
  getTileUrl: (level, x, y) => `/tile/${level}/${x}/${y}?${new URLSearchParams({ page, of: sha256.slice(0, 12) })}`,
});

// A window on the scan of a page in an element; an error where the scan is no longer where it was.
export class Deep {
  static async open(element, page) {
    const [about, library] = await Promise.all([ask("/api/scan", { page }), openSeadragon()]);
    const viewer = library({
      element, tileSources: tilesOf(page, about), degrees: about.rotation, drawer: "canvas", showNavigationControl: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, visibilityRatio: 0.3, maxZoomPixelRatio: 6,
      animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.3, keyboardNavEnabled: true,
    });
    await new Promise((resolve, reject) => {
      viewer.addOnceHandler("open", resolve);
      viewer.addOnceHandler("open-failed", ({ message }) => reject(new Error(message)));
    });
    return new Deep(viewer, about, library);
  }

  constructor(viewer, about, library) {
    Object.assign(this, { viewer, about, library });
  }

  get image() { return this.viewer.world.getItemAt(0); }

  // From source pixels to pixels of the window, now; and back.
  toWindow([x, y]) {
    const at = this.viewer.viewport.pixelFromPoint(this.image.imageToViewportCoordinates(x, y), true);
    return [at.x, at.y];
  }

  toSource([x, y]) {
    const at = this.image.viewportToImageCoordinates(this.viewer.viewport.pointFromPixel(new this.library.Point(x, y), true));
    return [at.x, at.y];
  }

  // The matrix from upright pixels to pixels of the window.
  get matrix() {
    const far = 1000;
    const [o, x, y] = [[0, 0], [far, 0], [0, far]].map((at) => this.toWindow(toSource(this.about, at)));
    return [(x[0] - o[0]) / far, (x[1] - o[1]) / far, (y[0] - o[0]) / far, (y[1] - o[1]) / far, o[0], o[1]];
  }

  // Pixels of the window a pixel of the scan.
  get scale() {
    return this.image.viewportToImageZoom(this.viewer.viewport.getZoom(true));
  }

  get middle() {
    const at = this.image.viewportToImageCoordinates(this.viewer.viewport.getCenter(true));
    return [at.x, at.y];
  }

  // Shows a place of the scan in the middle, at so many pixels of the window a pixel of the scan.
  look([x, y], scale, immediately = true) {
    const { viewport } = this.viewer;
    viewport.zoomTo(this.image.imageToViewportZoom(scale), null, immediately);
    viewport.panTo(this.image.imageToViewportCoordinates(x, y), immediately);
  }

  onChange(act) {
    for (const name of ["update-viewport", "resize"]) this.viewer.addHandler(name, act);
  }
}
