// Places on the upright page and on the scan as its file has it, which may lie on its side (clockwise degrees).
export const toUpright = ({ width, height, rotation }, [x, y]) =>
  ({ 0: [x, y], 90: [height - y, x], 180: [width - x, height - y], 270: [y, width - x] })[rotation];
export const toSource = ({ width, height, rotation }, [x, y]) =>
  ({ 0: [x, y], 90: [y, height - x], 180: [width - x, height - y], 270: [width - y, x] })[rotation];

const around = ([x0, y0], [x1, y1]) => ({ x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) });
const moved = (map) => (scan, { x, y, width, height }) => around(map(scan, [x, y]), map(scan, [x + width, y + height]));
export const boxToUpright = moved(toUpright);
export const boxToSource = moved(toSource);
