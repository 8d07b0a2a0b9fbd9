// A photo with its boxes: zoomed, panned, and boxes drawn or changed on it.
import { Icon } from "./dialog.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { t } from "./i18n.js";
import { area, boxBetween, fit, moved, panned, placed, stretched, toPhoto, zoomed } from "./viewport.js";

const STEP = 1.3; // of a zoom button or key
const WHEEL = 0.0016; // zoom per unit of a wheel
const CLICK = 4; // stage pixels that a pointer may move and still click
const LEAST = 8; // stage pixels of a drawn box's shorter side; less is a slip
const LABEL_ROOM = 24; // stage pixels that a label needs above its box

/**
 * @param photo - of the case; `size` {width, height} of it upright, null while unknown
 * @param boxes - [{id, box, kind, label, said}], all of this photo that are to be seen
 * @param drawing - name of the category to draw a box for, or null
 * @param actions - {select, hover, draw, change}
 */
export function PhotoView({ photo, size, boxes, selected, hovered, drawing, actions, control, onSize, busy, hint, children }) {
  const stage = useRef(null);
  const room = useRoom(stage);
  const [view, setView] = useState(null);
  const photoSize = size ?? room;
  useLayoutEffect(() => {
    if (room && photoSize) setView(fit(room, photoSize));
  }, [room?.width, room?.height, photoSize?.width, photoSize?.height, photo.id]);
  const zoom = (factor, point = { x: room.width / 2, y: room.height / 2 }) =>
    setView((current) => zoomed(current, factor, point, room, photoSize));
  const whole = () => setView(fit(room, photoSize));
  const gestures = useGestures({ stage, room, photoSize, view, setView, zoom, boxes, selected, drawing, actions });
  control.current = { in: () => zoom(STEP), out: () => zoom(1 / STEP), whole };
  const isWhole = !view || !room || !photoSize || view.scale <= fit(room, photoSize).scale * 1.001;
  const kind = `stage ${drawing ? "is-drawing" : ""} ${isWhole ? "is-whole" : ""}`;
  const frame = view && photoSize ? placed(view, [0, 0, photoSize.width, photoSize.height]) : null;
  return html`
    <div class="viewer">
      <div class=${kind} ref=${stage} role="group" aria-label=${t("photo.stage")} ...${gestures.handlers}>
        ${frame && html`<${Picture} photo=${photo} frame=${frame} isPlaced=${size !== null} onSize=${onSize} />`}
        ${view && size && sorted(boxes, selected).map((each) => html`
          <${Box} key=${each.id} ...${each} at=${placed(view, each.box)} isSelected=${each.id === selected}
            isHovered=${each.row !== null && each.row === hovered} actions=${actions} />
        `)}
        ${view && gestures.draft && html`<span class="draft" style=${pixels(placed(view, gestures.draft))}></span>`}
        ${busy && html`<p class="stage-busy"><span class="spinner"></span>${busy}</p>`}
      </div>
      ${hint}
      <div class="viewer-tools" role="toolbar" aria-label=${t("photo.stage")}>
        <button type="button" class="icon" aria-label=${t("photo.zoomOut")} title=${t("photo.zoomOut")} disabled=${isWhole}
          onClick=${() => zoom(1 / STEP)}><${Icon} name="zoomOut" /></button>
        <button type="button" class="icon" aria-label=${t("photo.whole")} title=${t("photo.whole")} disabled=${isWhole}
          onClick=${whole}><${Icon} name="whole" /></button>
        <button type="button" class="icon" aria-label=${t("photo.zoomIn")} title=${t("photo.zoomIn")}
          onClick=${() => zoom(STEP)}><${Icon} name="zoomIn" /></button>
        ${children}
      </div>
    </div>
  `;
}

/** Small boxes last, so that they are not covered by large ones; the selected one over all. */
const sorted = (boxes, selected) =>
  [...boxes].sort((a, b) => (a.id === selected) - (b.id === selected) || area(b.box) - area(a.box));

const pixels = ({ left, top, width, height }) => ({
  left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
});

function useRoom(stage) {
  const [room, setRoom] = useState(null);
  useLayoutEffect(() => {
    const measure = () => setRoom({ width: stage.current.clientWidth, height: stage.current.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(stage.current);
    return () => observer.disconnect();
  }, []);
  return room;
}

/** The picture; hidden until it is known where it belongs, or it would jump there. */
function Picture({ photo, frame, isPlaced, onSize }) {
  const [isBroken, setIsBroken] = useState(false);
  useEffect(() => setIsBroken(false), [photo.url]);
  if (photo.url && !isBroken) {
    return html`
      <img class=${`picture ${isPlaced ? "" : "is-unplaced"}`} src=${photo.url} alt=${photo.name} style=${pixels(frame)} decoding="async" draggable=${false}
        onLoad=${({ target }) => onSize({ width: target.naturalWidth, height: target.naturalHeight })}
        onError=${() => setIsBroken(true)} />
    `;
  }
  if (!photo.url && photo.kept !== false) return null; // on its way
  return html`
    <div class="picture placeholder" style=${pixels(frame)}><p><${Icon} name="photo" />${t(whyUnseen(photo, isBroken))}</p></div>
  `;
}

function whyUnseen(photo, isBroken) {
  if (photo.answer?.error) return "photo.refused";
  return isBroken ? "photo.hidden" : "photo.gone";
}

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

function Box({ id, at, kind, label, said, row, isSelected, isHovered, actions }) {
  const state = `${isSelected ? "is-selected" : ""} ${isHovered ? "is-hovered" : ""}`;
  return html`
    <div class=${`box is-${kind} ${state} ${at.top < LABEL_ROOM ? "has-label-inside" : ""}`} style=${pixels(at)} data-box=${id}
      onPointerEnter=${() => actions.hover(row)} onPointerLeave=${() => actions.hover(null)}>
      <button type="button" class="box-face" aria-label=${said} aria-pressed=${isSelected} onClick=${() => actions.select(id)}
        onFocus=${() => actions.hover(row)} onBlur=${() => actions.hover(null)}></button>
      <span class="box-label" aria-hidden="true">${label}</span>
      ${isSelected && HANDLES.map((side) => html`<span key=${side} class=${`handle at-${side}`} data-handle=${side}></span>`)}
    </div>
  `;
}

/** Pointers on the stage: one pans, draws, moves or stretches; two pinch; the wheel zooms. */
function useGestures(given) {
  const now = useRef(null);
  now.current = given;
  const pointers = useRef(new Map());
  const gesture = useRef(null);
  const [draft, setDraft] = useState(null);

  const pointOf = (event) => {
    const { left, top } = given.stage.current.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  useEffect(() => {
    const onWheel = (event) => {
      const { room, photoSize, view, zoom } = now.current;
      if (!view || (event.deltaY > 0 && view.scale <= fit(room, photoSize).scale)) return; // let the page scroll
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * WHEEL), pointOf(event));
    };
    const element = given.stage.current;
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  const onPointerDown = (event) => {
    if (event.button !== 0 || !now.current.view) return;
    const point = pointOf(event);
    pointers.current.set(event.pointerId, point);
    gesture.current = pointers.current.size === 1 ? begun(event, point, now.current) : { kind: "pinch" };
  };

  const onPointerMove = (event) => {
    const before = pointers.current.get(event.pointerId);
    const current = gesture.current;
    if (!before || !current) return;
    const point = pointOf(event);
    if (current.kind !== "pinch" && !current.isMoving && distance(point, current.start) < CLICK) return;
    if (!current.isMoving) given.stage.current.setPointerCapture(event.pointerId);
    current.isMoving = true;
    pointers.current.set(event.pointerId, point);
    if (current.kind === "pinch") pinch(event.pointerId, before, point);
    else drag(current, before, point);
  };

  const pinch = (id, before, point) => {
    const other = [...pointers.current].find(([each]) => each !== id)?.[1];
    if (!other) return;
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    now.current.zoom(distance(point, other) / Math.max(distance(before, other), 1), middle);
  };

  const drag = (current, before, point) => {
    const { view, room, photoSize, actions } = now.current;
    const dx = (point.x - current.start.x) / view.scale;
    const dy = (point.y - current.start.y) / view.scale;
    if (current.kind === "pan") now.current.setView(panned(view, point.x - before.x, point.y - before.y, room, photoSize));
    if (current.kind === "draw") setDraft(boxBetween(toPhoto(view, current.start), toPhoto(view, point), photoSize));
    if (current.kind === "move") actions.change(current.id, moved(current.box, dx, dy, photoSize));
    if (current.kind === "stretch") actions.change(current.id, stretched(current.box, sides(current.side, dx, dy), photoSize));
  };

  const onPointerUp = (event) => {
    const current = gesture.current;
    pointers.current.delete(event.pointerId);
    if (pointers.current.size > 0) return;
    gesture.current = null;
    if (current?.kind === "draw") finishDrawing(current, pointOf(event));
    else if (current && !current.isMoving && !event.target.closest("[data-box]")) now.current.actions.select(null);
  };

  const finishDrawing = (current, end) => {
    const { view, photoSize, actions } = now.current;
    setDraft(null);
    if (Math.min(Math.abs(end.x - current.start.x), Math.abs(end.y - current.start.y)) < LEAST) return;
    actions.draw(boxBetween(toPhoto(view, current.start), toPhoto(view, end), photoSize));
  };

  const onPointerCancel = (event) => {
    pointers.current.delete(event.pointerId);
    gesture.current = null;
    setDraft(null);
  };
  return { draft, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel } };
}

/** What a first pointer begins where it lands. */
function begun(event, start, { drawing, selected, boxes }) {
  if (drawing) return { kind: "draw", start };
  const id = event.target.closest("[data-box]")?.dataset.box;
  if (id === undefined || id !== selected) return { kind: "pan", start };
  const { box } = boxes.find((each) => each.id === id);
  const side = event.target.dataset.handle;
  return side ? { kind: "stretch", start, id, box, side } : { kind: "move", start, id, box };
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

const sides = (side, dx, dy) => [
  side.includes("w") ? dx : 0, side.includes("n") ? dy : 0, side.includes("e") ? dx : 0, side.includes("s") ? dy : 0,
];
