// The map from each of two pages to the other as the registration found it, in source pixels (as in the report).
const project = (m, [x, y]) => {
  const w = m[2][0] * x + m[2][1] * y + m[2][2];
  return [(m[0][0] * x + m[0][1] * y + m[0][2]) / w, (m[1][0] * x + m[1][1] * y + m[1][2]) / w];
};
const inverse = ([[a, b, c], [d, e, f], [g, h, i]]) => [
  [e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f],
  [d * h - e * g, b * g - a * h, a * e - b * d]];
// Linear between the knots, with the slope outside of them.
const spaced = (from, to, slope, v) => {
  const last = from.length - 1;
  if (v <= from[0]) return to[0] + slope * (v - from[0]);
  if (v >= from[last]) return to[last] + slope * (v - from[last]);
  const k = from.findIndex((knot) => knot >= v);
  return to[k - 1] + (to[k] - to[k - 1]) * (v - from[k - 1]) / (from[k] - from[k - 1]);
};

// [from A to B, from B to A]; null where the pages could not be registered.
export function mapsOf(map) {
  if (!map) return null;
  const { warp } = map;
  if (!warp) return [(p) => project(map.matrix, p), (p) => project(map.inverse, p)];
  const back = [inverse(warp.level), inverse(warp.page)];
  const on = (s, v) => spaced(s.from, s.to, s.slope, v);
  const off = (s, v) => spaced(s.to, s.from, 1 / s.slope, v);
  return [
    (p) => { const [x, y] = project(warp.level, p); return project(warp.page, [on(warp.across, x), on(warp.along, y)]); },
    (p) => { const [x, y] = project(back[1], p); return project(back[0], [off(warp.across, x), off(warp.along, y)]); },
  ];
}

// How many source pixels of B one of A is; null where that is not known.
export const scaleOf = (map) => map && Math.sqrt(Math.abs(map.matrix[0][0] * map.matrix[1][1] - map.matrix[0][1] * map.matrix[1][0]));
