// Where a photo lies on its stage. A view is {scale, x, y}: stage pixels per photo pixel, and where the photo's top
// left corner is; sizes are {width, height}; boxes are [x1, y1, x2, y2] in photo pixels.

const CLOSEST = 16; // times the size at which the whole photo is seen

/** The view in which the whole photo is seen, in the middle. */
export function fit(stage, photo) {
  const scale = Math.min(stage.width / photo.width, stage.height / photo.height);
  return centred(stage, photo, scale);
}

function centred(stage, photo, scale) {
  return { scale, x: (stage.width - photo.width * scale) / 2, y: (stage.height - photo.height * scale) / 2 };
}

/** The view scaled by `factor` around a stage point, kept within the closest and the whole. */
export function zoomed(view, factor, point, stage, photo) {
  const whole = fit(stage, photo).scale;
  const scale = Math.min(Math.max(view.scale * factor, whole), whole * CLOSEST);
  const ratio = scale / view.scale;
  return kept({ scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio }, stage, photo);
}

export const panned = (view, dx, dy, stage, photo) => kept({ ...view, x: view.x + dx, y: view.y + dy }, stage, photo);

/** The view moved so that the photo fills what it can of the stage. */
function kept(view, stage, photo) {
  const within = (offset, room, size) =>
    size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset));
  return {
    scale: view.scale,
    x: within(view.x, stage.width, photo.width * view.scale),
    y: within(view.y, stage.height, photo.height * view.scale),
  };
}

export const toPhoto = (view, point) => ({ x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale });

/** {left, top, width, height} of a box on the stage. */
export const placed = (view, [x1, y1, x2, y2]) => ({
  left: x1 * view.scale + view.x,
  top: y1 * view.scale + view.y,
  width: (x2 - x1) * view.scale,
  height: (y2 - y1) * view.scale,
});

const tenth = (value) => Math.round(value * 10) / 10;

/** The box between two photo points, within the photo. */
export function boxBetween(a, b, photo) {
  const x = [a.x, b.x].map((value) => Math.min(Math.max(value, 0), photo.width)).sort((p, q) => p - q);
  const y = [a.y, b.y].map((value) => Math.min(Math.max(value, 0), photo.height)).sort((p, q) => p - q);
  return [x[0], y[0], x[1], y[1]].map(tenth);
}

/** The box moved as a whole, within the photo. */
export function moved([x1, y1, x2, y2], dx, dy, photo) {
  const right = Math.min(Math.max(dx, -x1), photo.width - x2);
  const down = Math.min(Math.max(dy, -y1), photo.height - y2);
  return [x1 + right, y1 + down, x2 + right, y2 + down].map(tenth);
}

/** The box with its sides moved by (left, top, right, bottom); never less than a pixel wide or tall. */
export function stretched(box, [left, top, right, bottom], photo) {
  const a = { x: box[0] + left, y: box[1] + top };
  const b = { x: box[2] + right, y: box[3] + bottom };
  const [x1, y1, x2, y2] = boxBetween(a, b, photo);
  return x2 - x1 < 1 || y2 - y1 < 1 ? box : [x1, y1, x2, y2];
}

export const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
