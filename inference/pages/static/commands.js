// What the keys of the review page do.
import { useEffect, useRef } from "./html.js";
import { command } from "./shortcuts.js";
import { moved, stretched } from "./viewport.js";

const NUDGE = 0.005; // of the photo's longer side that an arrow key moves a box
const PLACED = 0.3; // of each side, of a box that a key places

/** Does what keys ask for; `context` is the review's state and actions as they are now. */
export function useKeys(context) {
  const now = useRef(null);
  now.current = context;
  useEffect(() => {
    const onKey = (event) => {
      const asked = command(event);
      if (asked && perform(now.current, ...asked)) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Do what a key asks for; gives whether it did. */
function perform(context, name, value) {
  const act = COMMANDS[name];
  const needsCase = !["open", "help"].includes(name);
  if (!act || (needsCase && context.state.answer === null)) return false;
  const isLocked = ["sent", "sending"].includes(context.state.phase);
  if (
    isLocked &&
    !["confirm", "help", "open", "zoomIn", "zoomOut", "whole", "nextPhoto", "previousPhoto"].includes(name)
  )
    return false;
  return act(context, value) !== false;
}

const clamp = (value, count) => Math.min(Math.max(value, 0), Math.max(count - 1, 0));
const choose =
  (choice) =>
  ({ listed, active, actions }) => {
    if (!listed[active]) return false;
    actions.choose(listed[active].category, choice);
    return true;
  };
const selectRow =
  (step) =>
  ({ setActive, listed }) => {
    setActive((index) => clamp(index + step, listed.length));
    requestAnimationFrame(() => document.querySelector(".row.is-active")?.scrollIntoView({ block: "nearest" }));
  };
const changeBox =
  (change) =>
  ({ boxes, selected, size, boxActions }, [right, down]) => {
    const each = boxes.find((box) => box.id === selected);
    if (!each) return false;
    const step = Math.max(size.width, size.height) * NUDGE;
    boxActions.change(selected, change(each.box, right * step, down * step, size));
    return true;
  };
const selectBox =
  (step) =>
  ({ boxes, selected, setSelected }) => {
    if (boxes.length === 0) return false;
    const at = boxes.findIndex((box) => box.id === selected);
    const from = at < 0 && step < 0 ? 0 : at;
    setSelected(boxes[(from + step + boxes.length) % boxes.length].id);
    return true;
  };

const COMMANDS = {
  open: ({ chooser }) => chooser.current?.(),
  help: ({ setDialog }) => setDialog("shortcuts"),
  nextRow: selectRow(1),
  previousRow: selectRow(-1),
  yes: choose("yes"),
  no: choose("no"),
  undecided: choose(null),
  row: ({ listed, state, actions, setActive }, index) => {
    if (!listed[index]) return false;
    setActive(index);
    actions.choose(listed[index].category, state.choices[listed[index].category] === "yes" ? null : "yes");
    return true;
  },
  add: ({ actions }) => actions.add(),
  replace: ({ actions, listed, active, selected }) => {
    if (selected) return actions.rename(selected);
    return listed[active] ? actions.replace(listed[active].category) : false;
  },
  draw: ({ actions, listed, active }) => (listed[active] ? actions.draw(listed[active].category) : false),
  nextBox: selectBox(1),
  previousBox: selectBox(-1),
  nudge: changeBox(moved),
  stretch: changeBox((box, right, down, size) => stretched(box, [0, 0, right, down], size)),
  deleteBox: ({ selected, dispatch, setSelected }) => {
    if (!selected) return false;
    dispatch({ type: "boxRemoved", id: selected });
    setSelected(null);
    return true;
  },
  placeBox: ({ drawing, boxActions, size }) => {
    if (!drawing || !size) return false;
    const [x, y] = [size.width * (0.5 - PLACED / 2), size.height * (0.5 - PLACED / 2)];
    boxActions.draw([x, y, size.width - x, size.height - y].map(Math.round));
    return true;
  },
  zoomIn: ({ zoom }) => zoom.current.in(),
  zoomOut: ({ zoom }) => zoom.current.out(),
  whole: ({ zoom }) => zoom.current.whole(),
  nextPhoto: ({ setShown, state }) => setShown((index) => clamp(index + 1, state.photos.length)),
  previousPhoto: ({ setShown, state }) => setShown((index) => clamp(index - 1, state.photos.length)),
  noIssue: ({ actions }) => actions.outcome("no_issue"),
  unrelated: ({ actions }) => actions.outcome("unrelated"),
  confirm: ({ actions, state }) => (state.phase === "sent" ? actions.next() : actions.confirm()),
  letGo: ({ letGo }) => letGo(),
};
